// The widgets' scripts are joined, not imported; here they become one module with exports.
import { readFileSync } from "node:fs";

export async function load(scripts, names) {
  const folder = new URL("../../fluxlab/widgets/", import.meta.url);
  const text = scripts.map((name) => readFileSync(new URL(`${name}.js`, folder), "utf8")).join("");
  const source = `${text}\nexport { ${names.join(", ")} };`;
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}
