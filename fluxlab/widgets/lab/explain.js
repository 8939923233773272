// The panel "Why this number?" of the selected cell.

const FREE = { "data-lm-suppress-shortcuts": "true" };
const real = (value) =>
  typeof value === "string" ? { nan: NaN, inf: Infinity, "-inf": -Infinity }[value] : value;
const same = (a, b) => a.matrix === b.matrix && a.index.join() === b.index.join();
const bracket = (index) => (index.length ? `[${index.join(", ")}]` : "");
const words = (cell) => `${cell.symbol}${bracket(cell.index)}`;

/** Python writes this markup (MathML), never a student. */
function maths(className, markup) {
  const made = element("div", { class: className });
  made.innerHTML = markup;
  return made;
}

/** Everything that can light up in this panel, and the words that it sends to the others. */
function lights(el) {
  let session = "", parts = [];
  const say = (detail) => window.dispatchEvent(new CustomEvent("fluxlab:light", {
    detail: { session, cells: [], matrices: [], steps: [], ...detail },
  }));
  const hear = ({ detail }) => {
    if (detail.session !== session) return;
    for (const part of parts) {
      const lit = part.cells.some((cell) => detail.cells.some((other) => same(cell, other)))
        || (part.matrix !== null && detail.matrices.includes(part.matrix));
      part.node.classList.toggle("fl-lit", lit);
    }
  };
  window.addEventListener("fluxlab:light", hear);
  return {
    clear(id) { session = id; parts = []; },
    /** `node` lights up with these cells (and matrix), and lights them up itself. */
    join(node, detail, matrix = null) {
      parts.push({ node, cells: detail.cells ?? [], matrix });
      const on = () => say(detail), off = () => say({});
      node.addEventListener("pointerenter", on);
      node.addEventListener("pointerleave", off);
      node.addEventListener("focusin", on);
      node.addEventListener("focusout", off);
    },
    leave() {
      if (el.querySelector(".fl-lit")) say({});
      window.removeEventListener("fluxlab:light", hear);
    },
  };
}

export default {
  render({ model, el }) {
    const leave = root(el, "fluxlab-explain");
    el.tabIndex = 0; // it scrolls by itself
    const [line, unline] = errorLine(model);
    const spoken = element("div", { class: "fl-spoken", role: "status" });
    const body = element("div", { class: "fl-body" });
    el.setAttribute("role", "group");
    el.setAttribute("aria-label", "Explanation of the selected cell");
    el.append(spoken, line, body);
    const light = lights(el);
    let shown = null, checkBox = null, checkOpen = false;

    const ask = (message) => model.send(message);
    const go = (cell) => ask({ type: "select", matrix: cell.matrix, index: cell.index });
    const button = (key, attributes, ...children) =>
      element("button", { type: "button", "data-key": key, ...FREE, ...attributes }, ...children);
    const cellLink = (key, cell, ...children) => button(
      key, { class: "fl-link", onclick: () => go(cell), title: `${cell.matrix}${bracket(cell.index)}` },
      ...(children.length ? children : [words(cell)]));
    const elsewhere = (cell, here) =>
      cell.scope && cell.scope !== here.place ? ` of ${cell.scope}` : "";

    function trail(m) {
      const row = element("div", { class: "fl-trail", role: "group", "aria-label": "Towards the cost" });
      const { far, hidden, near } = m.path;
      if (far || near) row.append("towards the cost: ");
      const between = `${hidden} more between`;
      if (far) row.append(cellLink("far", far, far.symbol), " ‹ ");
      if (hidden) row.append(element("span", { title: between, role: "img", "aria-label": between }, "…"), " ‹ ");
      if (near) row.append(cellLink("near", near, `${near.symbol}${elsewhere(near, m)}`), " ‹ ");
      row.append(element("strong", {}, words(m)), m.place ? ` of ${m.place}` : "");
      return row;
    }

    function backRow(m) {
      if (!m.back) return null;
      return element("div", { class: "fl-back" }, button(
        "back", { class: "fl-link", title: "Alt + Left arrow", onclick: () => ask({ type: "back" }) },
        `← back to ${words(m.back)}${elsewhere(m.back, m)}`));
    }

    function large(m) {
      const value = real(m.value);
      const name = element("span", { class: "fl-name" }, m.symbol,
        m.index.length ? element("sub", {}, m.index.join(",")) : null);
      const short = number(value, 6), shown = element("span", { class: "fl-value" }, short);
      // What round-off hides behind the sixth digit is there for who asks.
      const all = short === exact(value) || !Number.isFinite(value) ? null : button("digits", {
        class: "fl-link fl-small", onclick: () => { shown.textContent = exact(value); all.remove(); },
      }, "all digits");
      return element("div", { class: "fl-large" }, name, " = ", shown, all && " ", all);
    }

    /** Marks the operands of a formula or NumPy line so that they light up. */
    function joinOperands(node, m) {
      for (const part of node.querySelectorAll("[data-operand]")) {
        const matrix = m.inputs[Number(part.dataset.operand)];
        const cells = (m.rows ?? []).flatMap((row) => row.factors)
          .filter((cell) => cell.matrix === matrix)
          .map(({ matrix: name, index }) => ({ matrix: name, index }));
        light.join(part, { cells, matrices: [matrix], steps: [m.step] }, matrix);
        if (cells.length !== 1) continue; // which of several, only the rows can say
        part.classList.add("fl-goes");
        part.addEventListener("click", () => go(cells[0]));
      }
    }

    function numpyLine(m) {
      const code = element("code", { class: "fl-numpy", tabindex: 0, "aria-label": `NumPy: ${
        m.numpy.map(([text]) => text).join("")}`, role: "img", ...FREE });
      for (const [text, operand] of m.numpy) {
        code.append(operand === null ? text : element("span", { "data-operand": operand }, text));
      }
      joinOperands(code, m);
      return code;
    }

    function bar(value, top) {
      const share = Number.isFinite(value) && top > 0 ? Math.abs(value) / top : 0;
      const fill = element("i", { class: value < 0 ? "fl-low" : "fl-high" });
      fill.style.width = `${50 * share}%`;
      return element("td", { class: "fl-bar", "aria-hidden": "true" }, element("div", {}, fill));
    }

    /** Sums: one row per term, its factors, its value and a bar. */
    function termTable(m) {
      const heads = m.rows[0].factors;
      const products = heads.length > 1;
      const values = m.rows.map((row) => real(row.value));
      const top = Math.max(...values.map(Math.abs).filter(Number.isFinite), 0);
      const head = element("tr", {}, element("th", { scope: "col" }, m.head));
      heads.forEach((cell, n) => {
        if (n) head.append(element("td", {}));
        head.append(element("th", { scope: "col" }, cell.symbol));
      });
      if (products) {
        head.append(element("td", {}), element("th", { scope: "col" }, "product"));
      }
      head.append(element("td", {}));
      const rows = m.rows.map((row, r) => {
        // A single term needs no name, and an empty heading says nothing to a screen reader.
        const name = row.label ? ["th", { scope: "row" }] : ["td", {}];
        const made = element("tr", {}, element(...name, row.label,
          row.name ? element("span", { class: "fl-muted" }, ` ${row.name}`) : null));
        row.factors.forEach((cell, n) => {
          if (n) made.append(element("td", { class: "fl-sign" }, "·"));
          const value = real(cell.value);
          const go_to = cellLink(`t${r}.${n}`, cell, number(value, 3));
          go_to.setAttribute("aria-label", `${words(cell)} is ${number(value)}`);
          go_to.title = `${cell.matrix}${bracket(cell.index)} = ${value}`;
          made.append(element("td", {}, go_to));
        });
        if (products) {
          made.append(element("td", { class: "fl-sign" }, "="),
            element("td", { title: String(values[r]) }, number(values[r], 3)));
        }
        made.append(bar(values[r], top));
        light.join(made, { cells: row.factors.map(({ matrix, index }) => ({ matrix, index })), steps: [m.step] });
        return made;
      });
      const wide = heads.length * 2 + (products ? 1 : 0);
      if (m.rest) {
        rows.push(element("tr", { class: "fl-rest" },
          element("th", { scope: "row", colspan: products ? wide : 1 },
            `${m.rest} smaller ${m.rest === 1 ? "term" : "terms"} together`),
          element("td", { title: String(real(m.rest_total)) }, number(real(m.rest_total), 3)),
          element("td", {})));
      }
      return [
        element("table", { class: "fl-terms" },
          element("caption", { class: "fl-spoken" }, "The terms, the largest first"),
          element("thead", {}, head), element("tbody", {}, ...rows)),
        m.rest ? button("more", { class: "fl-link fl-more", onclick: () => model.send({ type: "more" }) },
          `show ${Math.min(12, m.rest)} more`) : null,
      ];
    }

    /** Rules: the few cells that the rule reads, one per row. */
    function cellTable(m) {
      const cells = m.rows.flatMap((row) => row.factors);
      if (!cells.length) return [element("p", { class: "fl-muted" }, "It reads no cell: an empty place, filled with 0.")];
      const rows = cells.slice(0, 24).map((cell, n) => {
        const value = real(cell.value);
        const go_to = cellLink(`t${n}`, cell, number(value, 5));
        go_to.setAttribute("aria-label", `${words(cell)} is ${number(value)}`);
        const made = element("tr", {},
          element("th", { scope: "row" }, cellLink(`n${n}`, cell),
            element("span", { class: "fl-muted" }, elsewhere(cell, m))),
          element("td", {}, go_to));
        light.join(made, { cells: [{ matrix: cell.matrix, index: cell.index }], steps: [m.step] });
        return made;
      });
      return [element("table", { class: "fl-terms fl-cells" },
        element("caption", { class: "fl-spoken" }, "The cells that it is made of"),
        element("tbody", {}, ...rows))];
    }

    function goesOn(m) {
      if (!m.goes.length) return null;
      const rows = m.goes.map((use, u) => {
        const row = element("li");
        use.cells.forEach((cell, n) => {
          const text = n ? bracket(cell.index) : `${words(cell)}${elsewhere(cell, m)}`;
          const go_to = cellLink(`g${u}.${n}`, cell, text);
          light.join(go_to, { cells: [{ matrix: cell.matrix, index: cell.index }] });
          row.append(go_to, " ");
        });
        const left = use.count - use.cells.length;
        if (left > 0) row.append(element("span", { class: "fl-muted" }, `and ${left} more `));
        row.append(element("span", { class: "fl-muted fl-small" }, use.words));
        return row;
      });
      return element("section", {}, element("h4", {}, "Goes on to"), element("ul", {}, ...rows));
    }

    // -- the check --------------------------------------------------------------------------

    function checkPart(m) {
      if (!m.checkable) return null;
      checkBox = element("div", { role: "group", "aria-label": "Gradient check" });
      const section = element("section", {}, checkBox);
      if (checkOpen) checkFrame(m);
      else {
        checkBox.append(button("check", {
          onclick: () => { checkOpen = true; checkFrame(m); model.send({ type: "check", epsilon: 1e-5 });
            checkBox.querySelector("input").focus(); },
        }, "Check it"), element("span", { class: "fl-muted" },
          ` nudge ${m.of}${bracket(m.index)} and see how much ${m.moves} moves`));
      }
      return section;
    }

    function checkFrame(m) {
      const slider = element("input", {
        type: "range", min: 1, max: 12, step: 1, value: 5, "data-key": "epsilon",
        "aria-label": "epsilon, the size of the nudge", "aria-valuetext": "1e−5", ...FREE,
      });
      slider.addEventListener("input", () => {
        slider.setAttribute("aria-valuetext", `1e−${slider.value}`);
        model.send({ type: "check", epsilon: Number(`1e-${slider.value}`) });
      });
      checkBox.replaceChildren(
        element("h4", {}, "Check it ", element("span", { class: "fl-muted fl-nudge" },
          `nudge ${m.of}${bracket(m.index)} by ε = 1e−5`)),
        element("table", { class: "fl-check" }, element("tbody", {},
          ...["numeric", "analytic", "difference"].map((name) => element("tr", {},
            element("th", { scope: "row" }, name), element("td", { "data-part": name }, "…"))))),
        slider,
        element("div", { class: "fl-ends fl-muted" }, element("span", {}, "1e−1 truncation"),
          element("span", {}, "1e−12 round-off")),
        element("p", { class: "fl-verdict", role: "status" }));
    }

    function showCheck(message) {
      if (!shown || !checkBox || !same(message, shown)) return;
      if (!checkBox.querySelector(".fl-check")) checkFrame(shown);
      const part = (name) => checkBox.querySelector(`[data-part="${name}"]`);
      for (const name of ["numeric", "analytic"]) {
        part(name).textContent = number(real(message[name]), 9);
        part(name).title = String(real(message[name]));
      }
      part("difference").replaceChildren(
        `${number(real(message.difference), 2)} `,
        element("span", { "aria-hidden": "true" }, message.good ? "✓" : "✗"));
      part("difference").className = message.good ? "fl-good" : "fl-bad";
      const exponent = Math.round(-Math.log10(message.epsilon));
      const slider = checkBox.querySelector("input");
      if (document.activeElement !== slider) slider.value = exponent;
      checkBox.querySelector(".fl-nudge").textContent = `nudge ${message.of} by ε = 1e−${exponent}`;
      checkBox.querySelector(".fl-verdict").textContent = message.words;
    }

    // -- putting it together ------------------------------------------------------------------

    function parts(m) {
      if (m.state === "nothing") {
        return [element("h3", {}, "Why this number?"), element("p", { class: "fl-muted" },
          "Select a cell on the board: click it, or go there with the arrow keys and press Enter.")];
      }
      const top = [backRow(m), trail(m), element("h3", { tabindex: -1 }, "Why this number?")];
      if (m.state === "waiting") {
        const shape = element("div", { class: "fl-large fl-muted" }, words(m), " is empty");
        const formula = maths("fl-formula", m.formula);
        joinOperands(formula, m);
        return [...top, shape, element("p", {}, m.words), formula,
          element("p", { class: "fl-muted" }, m.meaning), numpyLine(m),
          button("compute", { onclick: () => model.send({ type: "compute" }) }, `Compute up to step ${m.step + 1}`)];
      }
      if (m.state === "input") {
        return [...top, large(m), m.label ? element("p", { class: "fl-muted" }, m.label) : null,
          element("p", {}, m.words), goesOn(m)];
      }
      const formula = maths("fl-formula", m.formula);
      const numbers = maths("fl-formula fl-numbers", m.numbers);
      for (const node of [formula, numbers]) joinOperands(node, m);
      const summed = ["sum", "mean", "prod", "max", "min"].includes(m.joined) && m.rows.length > 0;
      return [...top, large(m), formula, numbers,
        m.origin ? element("p", { class: "fl-origin" }, m.origin.words, " ",
          m.origin.here ? null : cellLink("origin", m.origin,
            `${words(m.origin)}${elsewhere(m.origin, m)} = ${number(real(m.origin.value))}`)) : null,
        element("section", {}, ...(summed ? termTable(m) : cellTable(m))),
        element("p", { class: "fl-words" }, m.words),
        numpyLine(m),
        element("p", { class: "fl-muted fl-shapes" }, m.shapes),
        checkPart(m), goesOn(m)];
    }

    function speak(m) {
      if (m.state === "nothing") return "No cell is selected.";
      const where = `${words(m)}${m.place ? ` of ${m.place}` : ""}`;
      if (m.state === "waiting") return `${where}. ${m.words}`;
      const value = number(real(m.value)).replace(/e(?=[−\d])/, " times 10 to the ").replaceAll("−", "minus ");
      return `${where} is ${value}. ${m.words}`;
    }

    const unlisten = listen(model, {
      explanation(m) {
        const before = shown?.state === "nothing" || m.state === "nothing" ? null : shown;
        const stays = Boolean(before) && same(m, before);
        const active = body.contains(document.activeElement) ? document.activeElement : null;
        const key = active?.dataset.key;
        // While the epsilon slider is dragged, the check stays as it is.
        const keep = stays && checkBox?.querySelector(".fl-check") ? checkBox : null;
        shown = m;
        checkBox = null;
        light.clear(m.session);
        const made = parts(m);
        if (keep && checkBox) { checkBox.replaceWith(keep); checkBox = keep; }
        body.replaceChildren(...made.flat().filter(Boolean));
        for (const wide of body.querySelectorAll(".fl-formula")) {
          if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;  // the arrow keys scroll it
        }
        if (active) {
          const again = stays && key && body.querySelector(`[data-key="${key}"]`);
          (again || body.querySelector("h3"))?.focus({ preventScroll: stays });
        }
        if (!stays) el.scrollTop = 0;
        // Read aloud what the student goes to, not every change of it while the network learns.
        if (!stays || m.state !== before.state) spoken.textContent = speak(m);
      },
      check: showCheck,
    });
    const keys = (event) => {
      if (event.altKey && event.key === "ArrowLeft") {
        event.preventDefault();
        if (shown?.back) ask({ type: "back" });
      }
    };
    el.addEventListener("keydown", keys);
    const bye = hello(model);
    return () => {
      el.removeEventListener("keydown", keys);
      light.leave();
      bye();
      leave();
      unline();
      unlisten();
    };
  },
};
