// One live phone an agent: of several tabs, one holds the lock. The others wait for it, and it is theirs as soon as that tab is
// closed, or when its user asks for it here and no call is in hand there.

interface Asking {
  take: string;
}

export interface Tab {
  /** This tab's turn. */
  granted(): void;
  /** Another tab has the phone. */
  waiting(): void;
  /** Another tab asks for the phone: true lets it go. */
  asked(): boolean;
}

export class PhoneTab {
  private readonly channel: BroadcastChannel;
  private readonly name: string;
  private release: (() => void) | null = null;
  private readonly closed = new AbortController();

  constructor(agent: string, private readonly tab: Tab) {
    this.name = `cti.softphone.${agent}`;
    this.channel = new BroadcastChannel(this.name);
    this.channel.onmessage = (message: MessageEvent<Asking>) => {
      if (message.data.take === this.name && this.release !== null && this.tab.asked()) this.letGo();
    };
    void this.claim();
  }

  /** Ask the tab that has the phone for it. */
  take(): void {
    this.channel.postMessage({ take: this.name } satisfies Asking);
  }

  close(): void {
    this.closed.abort();
    this.channel.close();
    this.release?.();
    this.release = null;
  }

  private async claim(): Promise<void> {
    const free = await this.hold({ ifAvailable: true });
    if (free || this.closed.signal.aborted) return;
    this.tab.waiting();
    await this.hold({ signal: this.closed.signal });
  }

  /** Resolves false when somebody else has it; true when we had it and it is over. */
  private hold(options: LockOptions): Promise<boolean> {
    return navigator.locks
      .request(this.name, options, async (lock) => {
        if (lock === null || this.closed.signal.aborted) return false;
        await new Promise<void>((resolve) => {
          this.release = resolve;
          this.tab.granted();
        });
        return true;
      })
      .catch(() => false);
  }

  private letGo(): void {
    this.release?.();
    this.release = null;
    this.tab.waiting();
    // Behind the tab that asked: its request stands in the queue already.
    setTimeout(() => void this.hold({ signal: this.closed.signal }), 500);
  }
}
