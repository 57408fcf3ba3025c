import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CLIENT_ID_PATTERN,
  fromPublicId,
  ID_PREFIXES,
  isUuid,
  newUuid,
  toPublicId,
  toUuid,
  type Uuid,
} from "../../src/core/ids.ts";
import { type Ports, systemPorts } from "../../src/core/ports.ts";

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`ids: SEED=${SEED}`);

/** A world in which it is that time, and all random bytes are alike. */
function portsAt(nowMs: number, byte: number): Ports {
  return {
    clock: { nowMs: () => nowMs, monotonicMs: () => 0 },
    random: { unit: () => 0.5, bytes: (length) => new Uint8Array(length).fill(byte) },
    timers: systemPorts.timers,
  };
}

const someUuid: fc.Arbitrary<Uuid> = fc.uuid().map((text) => toUuid(text.toLowerCase()));

describe("a new id", () => {
  test("is a UUIDv7 of the RFC's example time", () => {
    expect(newUuid(portsAt(0x017f22e279b0, 0xff))).toBe("017f22e2-79b0-7fff-bfff-ffffffffffff");
    expect(newUuid(portsAt(0x017f22e279b0, 0x00))).toBe("017f22e2-79b0-7000-8000-000000000000");
  });

  test("has version 7 and the RFC's variant, whatever chance gives", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.integer({ min: 0, max: 255 }), (nowMs, byte) => {
        const uuid = newUuid(portsAt(nowMs, byte));
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number.parseInt(uuid.replace("-", "").slice(0, 12), 16)).toBe(nowMs);
      }),
      { seed: SEED },
    );
  });

  test("sorts behind every id of an earlier millisecond, as a UUID and in its public form", () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 2 });
    fc.assert(
      fc.property(time, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), (nowMs, one, other) => {
        const [earlier, later] = [newUuid(portsAt(nowMs, one)), newUuid(portsAt(nowMs + 1, other))];
        expect(earlier < later).toBe(true);
        expect(toPublicId("po", earlier) < toPublicId("po", later)).toBe(true);
      }),
      { seed: SEED },
    );
  });

  test("is unlike every other, also within one millisecond", () => {
    const stopped: Ports = { ...systemPorts, clock: portsAt(1, 0).clock };
    const ids = Array.from({ length: 10_000 }, () => newUuid(stopped));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("a public id", () => {
  test("is the prefix and 26 digits of Crockford's base32", () => {
    expect(toPublicId("po", toUuid("00000000-0000-0000-0000-000000000000"))).toBe(`po_${"0".repeat(26)}`);
    expect(toPublicId("evt", toUuid("ffffffff-ffff-ffff-ffff-ffffffffffff"))).toBe(`evt_7${"Z".repeat(25)}`);
    expect(toPublicId("chk", toUuid("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"))).toBe("chk_01FWHE4YDGFK1SHH6W1G60EECF");
  });

  test("leads back to its UUID, for every prefix", () => {
    fc.assert(
      fc.property(someUuid, fc.constantFrom(...ID_PREFIXES), (uuid, prefix) => {
        const text = toPublicId(prefix, uuid);
        expect(fromPublicId(prefix, text)).toBe(uuid);
        expect(text).toMatch(CLIENT_ID_PATTERN);
      }),
      { seed: SEED },
    );
  });

  test("is no id of another prefix", () => {
    const uuid = newUuid(systemPorts);
    for (const one of ID_PREFIXES) {
      for (const other of ID_PREFIXES) {
        if (one !== other) expect(fromPublicId(other, toPublicId(one, uuid))).toBeNull();
      }
    }
  });

  const whole = toPublicId("po", toUuid("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
  test.each([
    ["empty", ""],
    ["only a prefix", "po_"],
    ["without its prefix", whole.slice(3)],
    ["with its prefix in upper case", whole.replace("po_", "PO_")],
    ["in lower case", whole.toLowerCase()],
    ["a digit short", whole.slice(0, -1)],
    ["a digit long", `${whole}0`],
    ["with a digit that Crockford leaves out (I)", `${whole.slice(0, -1)}I`],
    ["with a digit that Crockford leaves out (U)", `${whole.slice(0, -1)}U`],
    ["with a space", `${whole.slice(0, -1)} `],
    ["with a line break", `${whole}\n`],
    ["more than 128 bits", `po_8${"0".repeat(25)}`],
    ["the largest text", `po_${"Z".repeat(26)}`],
    ["a UUID", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"],
    ["very long", "po_".repeat(100_000)],
  ])("that is %s is none", (_, text) => {
    expect(fromPublicId("po", text)).toBeNull();
  });

  test("comes from one UUID only: what can be read is written the same", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/), (digits) => {
        const uuid = fromPublicId("po", `po_${digits}`);
        if (uuid !== null) expect(toPublicId("po", uuid)).toBe(`po_${digits}`);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });
});

describe("a UUID", () => {
  test.each(["017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "00000000-0000-0000-0000-000000000000"])("is %s", (text) => {
    expect(isUuid(text)).toBe(true);
    expect(toUuid(text)).toBe(text);
  });

  test.each([
    "",
    "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
    "017f22e279b07cc398c4dc0c0c07398f",
    "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f\n",
    " 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
  ])("is not %j", (text) => {
    expect(isUuid(text)).toBe(false);
    expect(() => toUuid(text)).toThrow(TypeError);
  });

  test("that is none is told shortened: it may be megabytes of somebody's text", () => {
    expect(() => toUuid("x".repeat(1_000_000))).toThrow(/^not a UUID: x{64}$/);
  });
});

describe("an id that a client chooses", () => {
  test.each(["a", "A-b_9", "x".repeat(64)])("may be %s", (text) => expect(text).toMatch(CLIENT_ID_PATTERN));
  test.each(["", "x".repeat(65), "a b", "a/b", "ä", "a\n", "a.b", "\u0000"])("may not be %j", (text) =>
    expect(text).not.toMatch(CLIENT_ID_PATTERN),
  );
});
