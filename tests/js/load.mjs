// The widgets' scripts are joined, not imported; here they become one module with exports.
import { readFileSync } from "node:fs";

export async function load(scripts, names) {
  const folder = new URL("../../fluxlab/widgets/", import.meta.url);
  const read = (file) => readFileSync(new URL(file, folder), "utf8");
  const text = scripts.map((name) => read(`${name}.js`)).join("");
  const source = `const LOOK = ${read("shared/look.json")};\n${text}\nexport { ${names.join(", ")} };`;
  return import(`data:text/javascript,${encodeURIComponent(source)}`);
}
