/** The machines as files: for a README, a slide, or XState's own tools. */
import { PAYMENT_ORDER } from "../chart/use-chart.ts";
import { Page, Panel } from "../ui/page.tsx";

const MACHINES = [
  { id: PAYMENT_ORDER, name: "Payment order", what: "One amount to one seller, from the checkout to the books." },
] as const;

const FORMS = [
  { extension: "svg", name: "SVG", what: "The drawing, for pages and slides" },
  { extension: "mmd", name: "Mermaid", what: "Text that GitHub and others draw" },
  { extension: "json", name: "XState JSON", what: "The machine’s definition, for XState’s own tools" },
] as const;

export function ChartsPage() {
  return (
    <Page title="Charts" lead="Drawn from the machines that run, so they can’t say anything else.">
      {MACHINES.map(({ id, name, what }) => (
        <Panel key={id} title={name} id={`machine-${id}`} aside={<code>{id}</code>}>
          <p class="soft">{what}</p>
          <a class="machine-picture" href={`/console/machines/${id}.svg`} target="_blank" rel="noreferrer">
            <img src={`/console/machines/${id}.svg`} alt={`The states and transitions of the ${name.toLowerCase()}`} />
          </a>
          <ul class="downloads">
            {FORMS.map(({ extension, name: form, what: use }) => (
              <li key={extension}>
                <a href={`/console/machines/${id}.${extension}`} target="_blank" rel="noreferrer">
                  {form}
                </a>
                <span class="soft">{use}</span>
              </li>
            ))}
          </ul>
        </Panel>
      ))}
    </Page>
  );
}
