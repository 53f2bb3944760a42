// The agent's phone with a fake softphone: what it tells the page, and what it asks of the phone. Run by tests/browser/test_units.py.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Phone } from "../src/protocol";
import { FakeSoftphone } from "../src/softphone/fake";
import { AgentPhone } from "../src/softphone/phone";
import type { Microphone } from "../src/softphone/sounds";

const ACCOUNT = { uri: "sip:1001w@cti.invalid", user: "1001w", password: "x", websocket: "/ws" };

function desk(use: Phone["use"] = "softphone", microphone: Microphone = "good") {
  const made: FakeSoftphone[] = [];
  const heard = { value: true };
  const tab = { granted: () => {}, waiting: () => {}, asked: () => true, taken: 0, closed: 0 };
  const answer = (chosen: Phone["use"]): Promise<Phone> => Promise.resolve({ use: chosen, desk: true, softphone: false, account: ACCOUNT });
  const phone = new AgentPhone({
    load: async () => (events) => (made.push(new FakeSoftphone(events)), made.at(-1)!),
    read: () => answer(use),
    choose: answer,
    tryMicrophone: async () => microphone,
    heard: () => heard.value,
    claim: (granted, waiting, asked) => {
      Object.assign(tab, { granted, waiting, asked });
      return { close: () => tab.closed++, take: () => tab.taken++ };
    },
  });
  return { phone, made, tab, heard };
}

async function ready(use: Phone["use"] = "softphone", microphone: Microphone = "good") {
  const one = desk(use, microphone);
  await one.phone.begin();
  one.tab.granted();
  await new Promise((resolve) => setTimeout(resolve));
  return { ...one, soft: one.made[0]! };
}

test("registers with the account once this tab is the one", async () => {
  const { phone, made, tab } = desk();
  await phone.begin();
  assert.equal(made.length, 0);
  tab.granted();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(made[0]!.account, ACCOUNT);
  assert.equal(phone.registration.value, "registered");
});

test("finds the line of our own offer by its call id", async () => {
  const { phone, soft } = await ready();
  soft.ring("4001");
  const ours = soft.ring("13900000002", "call-7");
  assert.equal(phone.lineOf("call-7")?.id, ours);
  phone.answer(phone.lineOf("call-7")!);
  assert.equal(phone.lineOf("call-7")?.state, "talking");
});

test("mutes, holds, presses keys and hangs up the line meant", async () => {
  const { phone, soft } = await ready();
  soft.ring("13900000002", "call-7");
  const line = () => phone.lineOf("call-7")!;
  phone.answer(line());
  phone.mute(line());
  phone.hold(line());
  assert.deepEqual([line().muted, line().held], [true, true]);
  phone.mute(line());
  phone.hold(line());
  assert.deepEqual([line().muted, line().held], [false, false]);
  phone.press(line(), "5#");
  assert.deepEqual(soft.pressed, ["5#"]);
  phone.hangUp(line());
  assert.deepEqual(phone.lines.value, []);
});

test("says what stands between the phone and ready", async () => {
  assert.equal(await (await ready("desk")).phone.obstacle(), null);
  assert.equal(await (await ready()).phone.obstacle(), null);
  assert.equal(await (await ready("softphone", "denied")).phone.obstacle(), "denied");
  const { phone, tab, heard } = await ready();
  heard.value = false;
  assert.equal(await phone.obstacle(), "not_heard");
  tab.waiting();
  assert.equal(await phone.obstacle(), "other_tab");
});

test("another tab gets the phone only while no call is in hand", async () => {
  const { phone, soft, tab } = await ready();
  const id = soft.ring("13900000002", "call-7");
  assert.equal(tab.asked(), false);
  soft.gone(id);
  assert.equal(tab.asked(), true);
  tab.waiting();
  assert.deepEqual([phone.place.value, soft.account], ["elsewhere", null]);
  phone.takeOver();
  assert.equal(tab.taken, 1);
});

test("choosing the desk phone or leaving ends calls and registration", async () => {
  const { phone, soft, tab } = await ready();
  soft.ring("13900000002", "call-7");
  await phone.choose("desk");
  assert.deepEqual([phone.place.value, phone.lines.value.length, soft.account, tab.closed], ["none", 0, null, 1]);
});

test("another device goes to the talk in hand and wants a new test of the microphone", async () => {
  const { phone, soft } = await ready();
  await phone.obstacle();
  assert.equal(phone.microphone.value, "good");
  phone.useDevices();
  assert.deepEqual([phone.microphone.value, soft.devicesTaken], [null, 1]);
});

test("a fault stays until it is mended, and another one is left alone", async () => {
  const { phone, soft } = await ready();
  soft.fail("microphone_unplugged");
  soft.mend("nothing_heard");
  assert.equal(phone.fault.value, "microphone_unplugged");
  soft.mend("microphone_unplugged");
  assert.equal(phone.fault.value, null);
});
