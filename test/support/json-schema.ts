/** As much of JSON Schema as our API document uses. An unknown keyword is a fault: nothing is passed over in silence. */

const ANNOTATIONS = new Set(["description", "example", "examples", "title", "default", "format", "deprecated"]);

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is wrong with `value`; empty when nothing is. `root` resolves `$ref`. */
export function findFaults(schema: unknown, value: unknown, root: JsonObject, path = ""): string[] {
  if (schema === true) return [];
  if (!isObject(schema)) return [`${path}: the schema is no object`];
  return Object.entries(schema).flatMap(([keyword, rule]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    const check = KEYWORDS[keyword];
    if (check === undefined) return [`${path}: the validator does not know the keyword ${keyword}`];
    return check({ rule, value, root, path, schema });
  });
}

interface Check {
  readonly rule: unknown;
  readonly value: unknown;
  readonly root: JsonObject;
  readonly path: string;
  readonly schema: JsonObject;
}

const fail = (path: string, text: string): string[] => [`${path === "" ? "/" : path}: ${text}`];
const list = (rule: unknown): readonly unknown[] => (Array.isArray(rule) ? rule : []);

const isOfType = (value: unknown, type: unknown): boolean => {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
};

const KEYWORDS: Readonly<Record<string, (check: Check) => string[]>> = {
  $ref: ({ rule, value, root, path }) => findFaults(resolve(String(rule), root), value, root, path),
  type: ({ rule, value, path }) =>
    (Array.isArray(rule) ? rule : [rule]).some((type) => isOfType(value, type))
      ? []
      : fail(path, `is ${value === null ? "null" : typeof value}, not ${JSON.stringify(rule)}`),
  enum: ({ rule, value, path }) =>
    list(rule).includes(value) ? [] : fail(path, `${JSON.stringify(value)} is none of ${JSON.stringify(rule)}`),
  const: ({ rule, value, path }) => (rule === value ? [] : fail(path, `is not ${JSON.stringify(rule)}`)),
  pattern: ({ rule, value, path }) =>
    typeof value !== "string" || new RegExp(String(rule), "u").test(value)
      ? []
      : fail(path, `${JSON.stringify(value)} does not match ${rule}`),
  minLength: ({ rule, value, path }) =>
    typeof value !== "string" || value.length >= Number(rule) ? [] : fail(path, "is too short"),
  maxLength: ({ rule, value, path }) =>
    typeof value !== "string" || value.length <= Number(rule) ? [] : fail(path, "is too long"),
  minimum: ({ rule, value, path }) =>
    typeof value !== "number" || value >= Number(rule) ? [] : fail(path, "is too small"),
  maximum: ({ rule, value, path }) =>
    typeof value !== "number" || value <= Number(rule) ? [] : fail(path, "is too large"),
  minItems: ({ rule, value, path }) =>
    !Array.isArray(value) || value.length >= Number(rule) ? [] : fail(path, "has too few items"),
  maxItems: ({ rule, value, path }) =>
    !Array.isArray(value) || value.length <= Number(rule) ? [] : fail(path, "has too many items"),
  maxProperties: ({ rule, value, path }) =>
    !isObject(value) || Object.keys(value).length <= Number(rule) ? [] : fail(path, "has too many properties"),
  items: ({ rule, value, root, path }) =>
    Array.isArray(value) ? value.flatMap((item, index) => findFaults(rule, item, root, `${path}/${index}`)) : [],
  required: ({ rule, value, path }) =>
    isObject(value)
      ? list(rule).flatMap((name) => (Object.hasOwn(value, String(name)) ? [] : fail(path, `lacks ${name}`)))
      : [],
  properties: ({ rule, value, root, path }) =>
    isObject(rule) && isObject(value)
      ? Object.entries(rule).flatMap(([name, member]) =>
          Object.hasOwn(value, name) ? findFaults(member, value[name], root, `${path}/${name}`) : [],
        )
      : [],
  propertyNames: ({ rule, value, root, path }) =>
    isObject(value) ? Object.keys(value).flatMap((name) => findFaults(rule, name, root, path)) : [],
  additionalProperties: ({ rule, value, root, path, schema }) => {
    const known = isObject(schema.properties) ? schema.properties : {};
    const others = isObject(value) ? Object.entries(value).filter(([name]) => !Object.hasOwn(known, name)) : [];
    if (rule === false) return others.flatMap(([name]) => fail(path, `has the unknown property ${name}`));
    return others.flatMap(([name, member]) => findFaults(rule, member, root, `${path}/${name}`));
  },
  anyOf: ({ rule, value, root, path }) => {
    const results = list(rule).map((option) => findFaults(option, value, root, path));
    return results.some((faults) => faults.length === 0)
      ? []
      : fail(path, `fits no alternative: ${results.flat().join("; ")}`);
  },
  oneOf: (check) => {
    const fitting = list(check.rule).filter((option) => findFaults(option, check.value, check.root).length === 0);
    return fitting.length === 1 ? [] : fail(check.path, `fits ${fitting.length} alternatives, not one`);
  },
  allOf: ({ rule, value, root, path }) => list(rule).flatMap((part) => findFaults(part, value, root, path)),
};

function resolve(ref: string, root: JsonObject): unknown {
  let place: unknown = root;
  for (const token of ref.replace(/^#\//, "").split("/")) {
    place = isObject(place) ? place[token.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return place;
}
