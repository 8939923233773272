// A lab that stays in view: shown once more above the notebook, which scrolls below it.

const DOCK_HEIGHT = "fluxlab-dock-height"; // remembered in the browser, in pixels
const LEAST_DOCK = 180;

/** The button that docks, and what it does: [button, tidy]. `model` is a stepper that knows its lab. */
function docking(model, el) {
  const button = element("button", {
    type: "button", class: "fl-dock-button", "data-lm-suppress-shortcuts": "true",
    onclick: () => {
      model.set("docked", !model.get("docked"));
      model.save_changes();
    },
  }, "dock");
  button.hidden = true; // until it is known where this view stands
  let dock = null, gone = false;
  const here = () => el.closest(".jp-NotebookPanel");
  const show = () => {
    const docked = model.get("docked");
    button.hidden = !model.get("lab") || !here();
    button.textContent = docked ? "undock" : "dock";
    button.title = docked ? "leave the lab in its cell" : "keep the lab in view above the notebook";
    button.setAttribute("aria-pressed", String(docked));
    const panel = here();
    if (!panel || el.closest(".fl-dock")) return; // the view in the dock has no dock of its own
    el.closest(".fl-lab")?.classList.toggle("fl-docked", docked);
    if (docked && !dock) dock = openDock(model, panel);
    else if (!docked && dock) { dock.close(); dock = null; }
  };
  const attached = new ResizeObserver(() => { if (!gone) show(); }); // the first time it is on the page
  attached.observe(el);
  model.on("change:docked", show);
  return [button, () => {
    gone = true;
    attached.disconnect();
    model.off("change:docked", show);
    // The cell may be only out of sight: the dock stays as long as its lab.
  }];
}

/** Show the stepper's lab above a notebook. */
function openDock(model, panel) {
  if (panel.fluxlabDock?.lab === model.get("lab")) return panel.fluxlabDock;
  panel.fluxlabDock?.leave(); // of two labs the newer one is in view
  const notebook = panel.querySelector(".jp-Notebook");
  const body = element("div", { class: "fl-dock-body" });
  const handle = element("div", {
    class: "fl-dock-handle", role: "separator", tabindex: "0", "aria-orientation": "horizontal",
    "aria-label": "height of the docked lab", title: "drag: more or less room for the lab",
  });
  const host = element("section", { class: "fluxlab fl-dock", "aria-label": "docked lab" }, body, handle);
  panel.append(host);

  let height = Number(localStorage.getItem(DOCK_HEIGHT)) || 0.56 * panel.clientHeight;
  const place = () => {
    const most = Math.max(LEAST_DOCK, 0.85 * (panel.clientHeight - notebook.offsetTop));
    height = Math.round(Math.max(LEAST_DOCK, Math.min(most, height)));
    host.style.cssText = `top:${notebook.offsetTop}px;height:${height}px;--fl-dock:${height}px`;
    notebook.style.borderTop = `${height}px solid transparent`; // the notebook ends where the lab begins
    handle.setAttribute("aria-valuenow", height);
    handle.setAttribute("aria-valuemin", LEAST_DOCK);
    handle.setAttribute("aria-valuemax", Math.round(most));
  };
  const resize = (to) => {
    height = to;
    place();
    localStorage.setItem(DOCK_HEIGHT, height);
  };
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    const from = height - event.clientY;
    handle.onpointermove = (moved) => resize(from + moved.clientY);
  });
  handle.addEventListener("pointerup", () => { handle.onpointermove = null; });
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowUp: -20, ArrowDown: 20 }[event.key];
    if (!way) return;
    resize(height + way);
    event.preventDefault();
    event.stopPropagation();
  });
  const watch = new ResizeObserver(place);
  watch.observe(panel);
  place();

  let view = null;
  const dock = {
    lab: model.get("lab"),
    leave() {
      dock.close();
      model.set("docked", false);
      model.save_changes();
    },
    close() {
      if (panel.fluxlabDock !== dock) return; // closed already; another may stand there
      delete panel.fluxlabDock;
      watch.disconnect();
      view?.remove();
      host.remove();
      notebook.style.borderTop = "";
    },
  };
  panel.fluxlabDock = dock;
  (async () => {
    const lab = await model.widget_manager.get_model(dock.lab);
    view = await model.widget_manager.create_view(lab);
    if (panel.fluxlabDock !== dock) return view.remove(); // closed meanwhile
    const widget = view.luminoWidget ?? view.pWidget;
    widget.constructor.attach(widget, body);
    lab.on("destroy", dock.close); // its cell was run again, or its kernel is gone
  })().catch(dock.leave); // what cannot be shown above is seen in its cell
  return dock;
}
