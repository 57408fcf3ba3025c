/** The pages that a buyer sees at the PSP, as plain HTML that works without scripts and at phone width. */
import { html } from "hono/html";
import { isCurrency } from "../../core/currencies.ts";
import { formatAmount } from "../../core/money.ts";
import type { Charge } from "./charge.ts";

type Html = ReturnType<typeof html>;

const STYLE = `
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 26rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.4rem; line-height: 1.25; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input, button { width: 100%; min-height: 3rem; padding: 0.6rem 0.75rem; font: inherit; border-radius: 0.4rem; }
input { border: 1px solid GrayText; background: Field; color: FieldText; }
button { margin-top: 1.25rem; border: 2px solid #1a4fbf; background: #1a4fbf; color: #fff; font-weight: 600; }
button.second { background: Canvas; color: CanvasText; border-color: GrayText; }
:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem; }
.error { padding: 0.75rem; border: 2px solid #c0262d; border-radius: 0.4rem; }
.note { font-size: 0.9rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.25rem 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
`;

function page(title: string, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body><main><h1>${title}</h1>${content}</main></body>
</html>`;
}

/** The card form. It never shows again what was typed. */
export function cardFormPage(form: { readonly summary: string; readonly error: string | null }): Html {
  const error = form.error === null ? "" : html`<p class="error" role="alert" id="error">${form.error}</p>`;
  const invalid = form.error === null ? html`` : html`aria-invalid="true" aria-describedby="error"`;
  return page(
    "Pay by card",
    html`
${form.summary === "" ? "" : html`<p>${form.summary}</p>`}
${error}
<form method="post" autocomplete="on">
<label for="number">Card number</label>
<input id="number" name="number" inputmode="numeric" autocomplete="cc-number" maxlength="23" required ${invalid}>
<div class="pair">
<div><label for="expiry">Expiry (MM/YY)</label>
<input id="expiry" name="expiry" inputmode="numeric" autocomplete="cc-exp" maxlength="7" required></div>
<div><label for="cvc">Security code</label>
<input id="cvc" name="cvc" inputmode="numeric" autocomplete="cc-csc" maxlength="4" required></div>
</div>
<button type="submit">Pay</button>
</form>
<p class="note">This is a PSP simulator and takes test cards alone: 4242 4242 4242 4242 succeeds,
4000 0000 0000 0002 is declined, 4000 0000 0000 3220 asks for 3-D Secure. Any later date and code will do.</p>`,
  );
}

export function threeDSecurePage(charge: Charge): Html {
  return page(
    "Confirm the payment",
    html`
<p>Your bank asks whether you make this payment.</p>
<dl><dt>Amount</dt><dd>${amountText(charge)}</dd>
<dt>Reference</dt><dd>${charge.reference}</dd></dl>
<form method="post">
<button type="submit" name="choice" value="approve">Approve</button>
<button type="submit" name="choice" value="decline" class="second">Decline</button>
</form>`,
  );
}

/** A currency outside our table has no known digits: its minor units are shown as they are. */
function amountText({ amount, currency }: Charge): string {
  return isCurrency(currency)
    ? `${formatAmount(BigInt(amount), currency)} ${currency}`
    : `${amount} ${currency} minor units`;
}

export function messagePage(title: string, message: string): Html {
  return page(title, html`<p role="status">${message}</p>`);
}
