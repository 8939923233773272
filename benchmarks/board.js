// Clocks of the page: `bench.keys` and `bench.frames`, in milliseconds of one clock.
// A frame counts from the first task after it was committed: the painting is done by then.
(() => {
  const bench = (window.bench = { keys: [], frames: [], kind: "" });
  addEventListener("keydown", (event) => bench.keys.push(event.timeStamp), true);

  const committed = () => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => bench.frames.push(performance.now());
    port2.postMessage(0);
  };
  const nextFrame = () => requestAnimationFrame(committed);

  // FluxLab: the canvas says which frame it painted, in the animation frame that paints it.
  new MutationObserver((changes) => {
    if (bench.kind === "fluxlab" && changes.some(({ type }) => type === "attributes")) committed();
    // matplotlib in an Output widget: a new picture, once it is loaded.
    if (bench.kind !== "output") return;
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        const image = node.querySelector?.("img") ?? (node.tagName === "IMG" ? node : null);
        image?.decode().then(nextFrame, () => {});
      }
    }
  }).observe(document, {
    subtree: true, childList: true, attributes: true, attributeFilter: ["data-frame"],
  });

  // ipympl: the picture is drawn on a canvas of the page.
  const draw = CanvasRenderingContext2D.prototype.drawImage;
  let asked = false;
  CanvasRenderingContext2D.prototype.drawImage = function (...all) {
    if (bench.kind === "ipympl" && this.canvas.isConnected && !asked) {
      asked = true;
      requestAnimationFrame(() => { asked = false; committed(); });
    }
    return draw.apply(this, all);
  };
})();
