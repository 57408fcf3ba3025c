/** Where a webhook may go, judged by text alone. */
import { describe, expect, test } from "vitest";
import { isPublicAddress } from "../../src/events/address-guard.ts";
import { checkWebhookUrl } from "../../src/events/url-guard.ts";
import { FORBIDDEN_V4, FORBIDDEN_V6 } from "./forbidden-addresses.ts";

const kindOf = (url: string, allowPrivate = false) => checkWebhookUrl(url, { allowPrivate }).kind;

/** Spellings that a browser or resolver would understand. */
const ODD_HOSTS = (
  "2130706433 0x7f000001 0x7F.0.0.1 0x7f.1 0177.0.0.1 0177.0.0.01 017700000001 127.1 127.0.1 127.0.0.1. 127.000.000.001 " +
  "0 0.0 0x0 00000000 10.1 0xa.1 012.1 3232235521 0xc0a80001 0300.0250.0.1 192.168.1 2852039166 0xa9fea9fe 0251.0376.0251.0376 " +
  "169.254.43518 １２７.０.０.１ 127。0。0。1 ①②⑦.⓪.⓪.① 127.0.0.１ %31%32%37.0.0.1 [::1] [0:0:0:0:0:0:0:1] [::ffff:7f00:1] [::ffff:127.0.0.1] " +
  "[0000::0001] [::FFFF:0A00:0001] [fe80::1] [FD00:EC2::254]"
).split(" ");

const LOCAL_NAMES = (
  "localhost LOCALHOST localhost. foo.localhost a.b.localhost ｌｏｃａｌｈｏｓｔ localhost.localdomain printer.local router.lan " +
  "metadata.google.internal metadata instance-data db.internal redis postgres kubernetes kubernetes.default.svc.cluster.local " +
  "intranet wiki.intranet nas.home mail.corp box.home.arpa host.docker.internal vault.private x.invalid x.onion"
).split(" ");

const UNREADABLE = (
  "ftp://hooks.example.org file:///etc/passwd gopher://hooks.example.org:70/ javascript:alert(1) data:text/plain,x " +
  "http://hooks.example.org https:// https://[fe80::1%25eth0]/ https://[::1 https://256.256.256.256/ https://0x7f.0.0.0.1/ " +
  "https://hooks.example.org:22/ https://hooks.example.org:25/ https://hooks.example.org:0/ https://user@hooks.example.org/ " +
  "https://user:password@hooks.example.org/ https://hooks.example.org@127.0.0.1/ https://127.0.0.1:443@hooks.example.org/ " +
  "https://hooks.example.org/#fragment hooks.example.org //hooks.example.org/ ws://hooks.example.org unix:/var/run/docker.sock"
).split(" ");

const URLS = [
  ...new Set([
    ...[...FORBIDDEN_V4, ...ODD_HOSTS, ...LOCAL_NAMES].map((host) => `https://${host}/hook`),
    ...FORBIDDEN_V6.map((host) => `https://[${host}]/hook`),
    ...UNREADABLE,
  ]),
];

test("more than 150 forbidden addresses are tried", () => {
  expect(URLS.length).toBeGreaterThan(200);
});

test.each(URLS)("%s is refused", (url) => expect(kindOf(url)).toBe("forbidden"));

describe("a numeric address", () => {
  test.each([...FORBIDDEN_V4, ...FORBIDDEN_V6])("%s is not public", (address) =>
    expect(isPublicAddress(address)).toBe(false),
  );

  test.each(["", "localhost", "fe80::1%eth0", "8.8.8.8/32", "8.8.8.8 ", "999.1.1.1"])("%j is none", (text) =>
    expect(isPublicAddress(text)).toBe(false),
  );

  test.each([
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.0.1",
    "192.167.1.1",
    "223.255.255.255",
  ])("%s is public", (address) => expect(isPublicAddress(address)).toBe(true));

  test.each(["2606:4700:4700::1111", "2a00:1450:4001:82b::200e", "2001:4860:4860::8888", "2620:fe::fe"])(
    "%s is public",
    (address) => expect(isPublicAddress(address)).toBe(true),
  );
});

test.each([
  "https://hooks.shop.com/florin",
  "https://hooks.shop.com:8443/a?b=c",
  "https://8.8.8.8/hook",
  "https://[2606:4700:4700::1111]/hook",
  "https://xn--bcher-kva.de/haken",
  "https://localhost.shop.com/",
])("%s is let through", (url) => expect(kindOf(url)).toBe("fine"));

test("for development http, loopback and private addresses are let through, credentials still are not", () => {
  for (const url of ["http://127.0.0.1:4000/", "http://localhost/", "https://10.0.0.1/", "http://[::1]:80/"]) {
    expect(kindOf(url, true)).toBe("fine");
  }
  expect(kindOf("http://user:password@127.0.0.1/", true)).toBe("forbidden");
  expect(kindOf("ftp://127.0.0.1/", true)).toBe("forbidden");
});
