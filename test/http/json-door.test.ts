/** The door for JSON, without a server: bytes in, a value or a refusal out. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Refusal } from "../../src/core/errors.ts";
import { parseJson, readJson, readOptionalJson } from "../../src/http/body/read-json.ts";
import { MAX_BODY_BYTES } from "../../src/http/body/read-bytes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function refusalOf(work: () => unknown): Refusal | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

const codeOf = (text: string | Uint8Array): string | null =>
  refusalOf(() => parseJson(typeof text === "string" ? bytes(text) : text))?.code ?? null;

async function codeOfRequest(headers: Record<string, string>, body: BodyInit): Promise<string | null> {
  const request = new Request("http://x/", { method: "POST", headers, body, duplex: "half" } as RequestInit);
  return await readJson(request).then(
    () => null,
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );
}

describe("what is no JSON", () => {
  test.each([
    ["nothing", ""],
    ["blanks", "  "],
    ["a cut object", '{"a":'],
    ["a trailing comma", '{"a":1,}'],
    ["single quotes", "{'a':1}"],
    ["a comment", '{"a":1} // x'],
    ["two values", "{}{}"],
    ["NaN", '{"a":NaN}'],
    ["a leading zero", '{"a":01}'],
    ["a raw line break in a text", '{"a":"b\nc"}'],
    ["a raw NUL in a text", '{"a":"b\u0000c"}'],
    ["a byte order mark", '\ufeff{"a":1}'],
    ["ten thousand open brackets", "[".repeat(10_000)],
    ["sixty thousand open objects", '{"a":'.repeat(12_000)],
  ])("%s is refused as invalid-json", (_, text) => {
    expect(codeOf(text)).toBe("invalid-json");
  });

  test.each([
    ["UTF-16, little end first", Buffer.from('\ufeff{"a":"é"}', "utf16le")],
    ["UTF-16 without a mark", Buffer.from('{"a":1}', "utf16le")],
    ["Latin-1", Buffer.from('{"a":"é"}', "latin1")],
    ["an overlong slash", Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
    ["a surrogate written in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
    ["a cut character", Buffer.from([0x22, 0xe2, 0x82, 0x22])],
  ])("%s is refused as invalid-json", (_, body) => {
    expect(codeOf(body)).toBe("invalid-json");
  });

  test("a refusal never repeats the body", () => {
    const refusal = refusalOf(() => parseJson(bytes('{"secret": 4242424242424242, oops')));
    expect(JSON.stringify([refusal?.message, refusal?.options])).not.toMatch(/4242|oops|secret/);
  });
});

describe("keys that stand twice", () => {
  test.each([
    ["in the body", '{"a":1,"a":1}', "/a"],
    ["deep down", '{"a":[{"x":1},{"b":{"c":1,"d":2,"c":3}}]}', "/a/1/b/c"],
    ["once escaped", '{"a":1,"\\u0061":2}', "/a"],
    ["with a slash and a tilde", '{"~/":1,"~/":2}', "/~0~1"],
    ["beside braces in texts", '{"a":"{\\"a\\":1}","b":"]}","a":2}', "/a"],
    ["empty", '{"":1,"":2}', "/"],
  ])("%s are refused with their place", (_, text, pointer) => {
    const refusal = refusalOf(() => parseJson(bytes(text)));
    expect(refusal?.code).toBe("duplicate-json-key");
    expect(refusal?.options.errors?.[0]?.pointer).toBe(pointer);
  });

  test.each([
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
    '["a","a",{"a":"a"}]',
    '{"a":"a","b":"a"}',
    '{"a\\"":1,"a":2}',
  ])("the same key in different objects is fine: %s", (text) => {
    expect(codeOf(text)).toBeNull();
  });

  test("a card number as the key is not repeated", () => {
    const refusal = refusalOf(() => parseJson(bytes('{"4242424242424242":1,"4242424242424242":2}')));
    expect(refusal?.code).toBe("card-data-refused");
    expect(JSON.stringify(refusal?.options)).not.toContain("4242");
  });
});

describe("too much", () => {
  test.each([33, 100, 10_000, 30_000])("%i levels are refused without a deep stack", (depth) => {
    expect(codeOf("[".repeat(depth) + "]".repeat(depth))).toBe("json-too-complex");
  });

  test("32 levels are taken", () => {
    expect(codeOf("[".repeat(32) + "]".repeat(32))).toBeNull();
  });

  test("more than twenty thousand values are refused", () => {
    expect(codeOf(`[${"1,".repeat(20_000)}1]`)).toBe("json-too-complex");
    expect(codeOf(`[${"1,".repeat(9_000)}1]`)).toBeNull();
  });
});

describe("characters", () => {
  test.each([
    ["NUL", '"\\u0000"'],
    ["a line break", '"a\\nb"'],
    ["a tab", '"\\t"'],
    ["DEL", '"\u007f"'],
    ["a C1 control", '"\u0085"'],
    ["an escaped high surrogate", '"\\uD800"'],
    ["an escaped low surrogate", '"x\\uDC00y"'],
    ["surrogates in the wrong order", '"\\uDE00\\uD83D"'],
  ])("%s is refused in values and in keys", (_, text) => {
    const value = refusalOf(() => parseJson(bytes(`{"a":[1,${text}]}`)));
    expect(value?.code).toBe("invalid-character");
    expect(value?.options.errors?.[0]?.pointer).toBe("/a/1");
    const key = refusalOf(() => parseJson(bytes(`{"a":{${text}:1}}`)));
    expect(key?.code).toBe("invalid-character");
    expect(key?.options.errors?.[0]?.pointer).toBe("/a");
  });

  test.each(["grüße", "価格", "\u{1f600}", "a b", "e\u0301"])("other text is taken: %s", (text) => {
    expect(codeOf(JSON.stringify({ text }))).toBeNull();
  });

  test("an escaped pair of surrogates is one character", () => {
    expect(codeOf('"\\uD83D\\uDE00"')).toBeNull();
  });

  test("__proto__ is refused and changes nothing", () => {
    expect(codeOf('{"__proto__":{"polluted":true}}')).toBe("unknown-field");
    expect(codeOf('{"a":{"\\u005f_proto__":1}}')).toBe("unknown-field");
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(codeOf('{"constructor":{"prototype":{"polluted":true}}}')).toBeNull();
    expect("polluted" in {}).toBe(false);
  });
});

describe("the request around the body", () => {
  test.each(["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])(
    "%s is taken",
    async (type) => {
      expect(await codeOfRequest({ "content-type": type }, "{}")).toBeNull();
    },
  );

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=latin1",
    "application/jsonx",
    "text/json",
  ])("%s is refused", async (type) => {
    expect(await codeOfRequest({ "content-type": type }, "{}")).toBe("unsupported-media-type");
  });

  test("an absent content type and an encoded body are refused", async () => {
    expect(await codeOfRequest({}, new Uint8Array([0x7b, 0x7d]))).toBe("unsupported-media-type");
    expect(await codeOfRequest({ "content-type": "application/json", "content-encoding": "gzip" }, "{}")).toBe(
      "unsupported-media-type",
    );
  });

  test("a body of exactly the limit is read, one byte more is refused", async () => {
    const exact = `"${"x".repeat(MAX_BODY_BYTES - 2)}"`;
    expect(await codeOfRequest({ "content-type": "application/json" }, exact)).toBeNull();
    expect(await codeOfRequest({ "content-type": "application/json" }, `${exact} `)).toBe("body-too-large");
  });

  test("a stream without an end is given up at the limit", async () => {
    let sent = 0;
    let canceled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 10_000;
        controller.enqueue(new Uint8Array(10_000).fill(0x20));
      },
      cancel() {
        canceled = true;
      },
    });
    expect(await codeOfRequest({ "content-type": "application/json" }, endless)).toBe("body-too-large");
    expect(canceled).toBe(true);
    expect(sent).toBeLessThan(MAX_BODY_BYTES + 40_000);
  });

  test("an announced length above the limit is refused before anything is read", async () => {
    const request = new Request("http://x/", {
      method: "POST",
      headers: { "content-type": "application/json", "content-length": "65537" },
      body: "{}",
    });
    await expect(readJson(request)).rejects.toMatchObject({ code: "body-too-large" });
    expect(request.bodyUsed).toBe(false);
  });

  test("a missing body reads as an empty object where it may be missing", async () => {
    expect(await readOptionalJson(new Request("http://x/", { method: "POST" }))).toEqual({ value: {}, text: "" });
  });
});

test("what a sane program writes is read as it was meant", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "grapheme" }), (value) => {
      const text = JSON.stringify(value);
      const refusal = refusalOf(() => parseJson(bytes(text)));
      if (refusal === null) expect(parseJson(bytes(text)).value).toEqual(JSON.parse(text));
      else expect(["invalid-character", "unknown-field", "card-data-refused"]).toContain(refusal.code);
    }),
    { numRuns: 2_000 },
  );
});

test("no bytes at all make it fail in another way", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: "binary", maxLength: 200 }).map(bytes)),
      (body) => {
        refusalOf(() => parseJson(body));
      },
    ),
    { numRuns: 5_000 },
  );
});
