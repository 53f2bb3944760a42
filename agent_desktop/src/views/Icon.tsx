// Our own line icons, 24×24, drawn in the colour of the text beside them. Decoration only: the words carry the meaning.

const PATHS = {
  alert: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.5v.1",
  answer: "M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a1 1 0 0 1-1 1A15 15 0 0 1 4 5a1 1 0 0 1 1-1",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2 2 0 0 0 4 0",
  board: "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z",
  callback: "M9 4 5 8l4 4M5 8h9a5 5 0 0 1 0 10h-3",
  check: "m5 12.5 4.5 4.5L19 7",
  clock: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M12 8v4.5l3 2",
  close: "M6 6l12 12M18 6 6 18",
  code: "M4 5h10l6 7-6 7H4z",
  conference: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M3.5 19a5.5 5.5 0 0 1 11 0M16 11a2.5 2.5 0 1 0-1-4.8M16.5 14a5 5 0 0 1 4 5",
  consult: "M4 5h10v8H8l-4 3zM17 9h3v10l-3-2.5h-6V15",
  copy: "M9 9h10v11H9zM5 15V4h10",
  customer: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4.5 20a7.5 7.5 0 0 1 15 0",
  desk: "M4 5h16v11H4zM9 20h6M12 16v4",
  dial: "M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a1 1 0 0 1-1 1A15 15 0 0 1 4 5a1 1 0 0 1 1-1M15 4h5v5M20 4l-6 6",
  down: "m6 9 6 6 6-6",
  download: "M12 4v11M7.5 11 12 15.5 16.5 11M4 20h16",
  edit: "M4 20h4L19.5 8.5l-4-4L4 16zM13.5 6.5l4 4",
  filter: "M4 5h16l-6 7.5V19l-4 1.5v-8z",
  flow: "M9 3h6v5H9zM3 16h6v5H3zM15 16h6v5h-6zM12 8v4M6 16v-4h12v4",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  hangup: "M3 13.5c5.5-5 12.500-5 18 0l-1.500 3-4.500-1v-3a11 11 0 0 0-6 0v3l-4.500 1z",
  headset: "M4 14v-2a8 8 0 0 1 16 0v2M4 14h3v5H5a1 1 0 0 1-1-1zM20 14h-3v5h2a1 1 0 0 0 1-1zM19 19a4 4 0 0 1-4 2.500h-2",
  history: "M4 12a8 8 0 1 1 2.500 5.800M4 12V7M4 12h5M12 8v4.500l3 1.500",
  hold: "M9 5v14M15 5v14",
  incoming: "M19 5 6 18M6 9v9h9",
  info: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M12 11v5M12 7.800v.1",
  keyboard: "M3 6h18v12H3zM7 10h.1M11 10h.1M15 10h.1M18 10h.1M8 14h8",
  keypad: "M6 5h.1M12 5h.1M18 5h.1M6 11h.1M12 11h.1M18 11h.1M6 17h.1M12 17h.1M18 17h.1",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  listen: "M7 9a5 5 0 0 1 10 0c0 4-4 4.500-4 8a3 3 0 0 1-5.500 1.500M10 10a2 2 0 0 1 4 0",
  location: "M12 21s7-6.500 7-11.500a7 7 0 1 0-14 0C5 14.500 12 21 12 21M12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5",
  message: "M4 5h16v12H10l-4 3v-3H4z",
  mic: "M12 4a2.500 2.500 0 0 0-2.500 2.500v5a2.500 2.500 0 0 0 5 0v-5A2.500 2.500 0 0 0 12 4M6 11.500a6 6 0 0 0 12 0M12 17.500V21",
  mic_off: "M9.500 9.500v2a2.500 2.500 0 0 0 4 2M14.500 10V6.500a2.500 2.500 0 0 0-5-.3M6 11.500a6 6 0 0 0 9.500 4.900M18 11.500a6 6 0 0 1-.4 2.200M12 17.500V21M4 3l16 18",
  money: "M6 4l6 8 6-8M12 12v8M7 12.500h10M7 16h10",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10",
  move: "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4",
  note: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 16h7",
  order: "M5 5h14v16H5zM9 3h6v4H9zM8.500 12h7M8.500 16h5",
  outgoing: "M5 19 18 6M9 6h9v9",
  pause: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M10 9v6M14 9v6",
  phone: "M4 9h16M6 9V6h12v3M5 9l1 10h12l1-10M9.500 12.500h.1M14.500 12.500h.1M9.500 15.500h.1M14.500 15.500h.1",
  play: "M7 5v14l12-7z",
  plus: "M12 5v14M5 12h14",
  queue: "M4 7h16M4 12h16M4 17h10",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M15.500 15.500 20.500 20.500",
  settings: "M4 7h9M17 7h3M15 4.500v5M4 17h3M11 17h9M9 14.500v5M4 12h4",
  shield: "M12 3 5 6v6c0 4.500 3 7.500 7 9 4-1.500 7-4.500 7-9V6z",
  speaker: "M4 10v4h3.500L12 18V6L7.500 10zM15.500 9a4 4 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11",
  star: "m12 4 2.500 5.200 5.500.8-4 4 1 5.700-5-2.700-5 2.700 1-5.700-4-4 5.500-.8z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400",
  swap: "M7 4v15M3.500 15.500 7 19l3.500-3.500M17 20V5M13.500 8.500 17 5l3.500 3.500",
  transfer: "M4 12h14M13 6.500 18.500 12 13 17.500M4 6v12",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
