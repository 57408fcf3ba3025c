/** The API document as a page: rendered here from the document itself, without scripts and without a CDN. */
import { html, raw } from "hono/html";
import type { Html, PageParts } from "./page.ts";

/** As much of OpenAPI 3.1 and JSON Schema as our own document uses; everything else in it is passed over. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly example?: unknown;
  readonly pattern?: string;
  readonly additionalProperties?: boolean | Schema;
}

interface Content {
  readonly schema?: Schema;
}

export interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: { readonly required?: boolean; readonly content?: Readonly<Record<string, Content>> };
  readonly responses?: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, Content>> }>
  >;
}

export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function docsPage(document: ApiDocument): PageParts {
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Entry => ({ method: method.toUpperCase(), path, operation })),
  );
  const tags = (document.tags ?? []).filter(({ name }) => entries.some((entry) => isTagged(entry, name)));
  return {
    title: `${document.info.title} API`,
    isWide: true,
    content: html`
<p>${prose(document.info.description ?? "")}</p>
<p>The same as OpenAPI 3.1: <a href="/openapi.json">/openapi.json</a></p>
<nav aria-label="Sections"><ul>${tags.map(({ name }) => html`<li><a href="#${slug(name)}">${name}</a></li>`)}
<li><a href="#schemas">Schemas</a></li></ul></nav>
${tags.map(
  ({ name, description }) => html`<section aria-labelledby="${slug(name)}"><h2 id="${slug(name)}">${name}</h2>
<p>${prose(description ?? "")}</p>${entries.filter((entry) => isTagged(entry, name)).map(showOperation)}</section>`,
)}
<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>
${Object.entries(document.components.schemas).map(
  ([name, schema]) =>
    html`<details><summary><code>${name}</code></summary><div id="schema-${name}">${showSchema(schema)}</div></details>`,
)}</section>`,
  };
}

const slug = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
const isTagged = ({ operation }: Entry, tag: string): boolean => operation.tags?.includes(tag) ?? false;

/** Texts of the document know one mark: `code`. */
function prose(text: string): Html[] {
  return text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function showOperation({ method, path, operation }: Entry): Html {
  const parameters = operation.parameters ?? [];
  return html`<details><summary><span class="method">${method}</span> <code>${path}</code><br>
<span class="soft">${operation.summary ?? ""}</span></summary><div>
${operation.description === undefined ? "" : html`<p>${prose(operation.description)}</p>`}
${operation.security === undefined ? html`<p class="soft">Needs no API key.</p>` : ""}
${parameters.length === 0 ? "" : html`<h3>Parameters</h3><ul class="fields">${parameters.map(showParameter)}</ul>`}
${showBody(operation)}
<h3>Answers</h3><ul class="fields">${Object.entries(operation.responses ?? {}).map(
    ([status, response]) => html`<li><code>${status}</code> ${prose(response.description ?? "")}
${Object.values(response.content ?? {}).map(({ schema }) => (schema === undefined ? "" : html` <span class="soft">${typeName(schema)}</span>`))}</li>`,
  )}</ul></div></details>`;
}

function showParameter(parameter: NonNullable<Operation["parameters"]>[number]): Html {
  const note = parameter.required === true ? "required" : "optional";
  return html`<li><code>${parameter.name}</code> <span class="soft">${parameter.in}, ${note}${
    parameter.schema === undefined ? "" : html`, ${typeName(parameter.schema)}`
  }</span> ${prose(parameter.description ?? parameter.schema?.description ?? "")}</li>`;
}

function showBody({ requestBody }: Operation): Html | string {
  const schema = requestBody?.content?.["application/json"]?.schema;
  if (schema === undefined) return "";
  return html`<h3>Body${requestBody?.required === true ? "" : " (optional)"}</h3>${showSchema(schema)}`;
}

function showSchema(schema: Schema): Html {
  const { properties, required = [] } = schema;
  const example =
    schema.example === undefined ? "" : html`<pre tabindex="0">${JSON.stringify(schema.example, null, 2)}</pre>`;
  if (properties === undefined)
    return html`<p>${typeName(schema)} ${prose(schema.description ?? "")}</p>${showVariants(schema)}${example}`;
  return html`${schema.description === undefined ? "" : html`<p>${prose(schema.description)}</p>`}
<ul class="fields">${Object.entries(properties).map(
    ([
      name,
      member,
    ]) => html`<li><code>${name}</code> <span class="soft">${typeName(member)}${required.includes(name) ? "" : ", optional"}</span>
${prose(member.description ?? "")}${member.properties === undefined ? "" : showSchema({ ...member, description: "" })}</li>`,
  )}</ul>${example}`;
}

function showVariants(schema: Schema): Html | string {
  const variants = (schema.anyOf ?? schema.oneOf ?? []).filter(({ properties }) => properties !== undefined);
  return variants.length === 0
    ? ""
    : html`${variants.map((variant) => html`<p class="soft">Either</p>${showSchema(variant)}`)}`;
}

function typeName(schema: Schema): Html | string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.items !== undefined) return html`list of ${typeName(schema.items)}`;
  const variants = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (variants !== undefined) {
    return html`${variants.map((variant, index) => html`${index === 0 ? "" : raw(" or ")}${typeName(variant)}`)}`;
  }
  return typeof schema.type === "string" ? schema.type : (schema.type ?? ["any"]).join(" or ");
}
