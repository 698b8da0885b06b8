"use strict";
(() => {
  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const templates = json("templates");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const config = {
    responsive: true, displaylogo: false, displayModeBar: "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "resetCameraLastSave3d", "tableRotation"],
    toImageButtonOptions: { format: "png", scale: 2 },
  };
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = [];
  const template = () => templates[dark.matches ? "dark" : "light"];

  // Square figures get lower where they are narrow; their labels shrink with them. Others keep their height.
  const LABEL_PX = 11.5;
  const heights = new Map();
  const isSquare = (layout) => layout.meta?.beside !== undefined;
  function fitted(div, layout, width) {
    const full = heights.get(div);
    const height = isSquare(layout) ? Math.min(full, width + layout.meta.beside) : full;
    return { height, label: Math.max(7, (LABEL_PX * height) / full) };
  }
  function refit(div, width, more) {
    const { height, label } = fitted(div, div.layout, width);
    div.style.height = height + "px";
    const labels = isSquare(div.layout) && !div.layout.scene ? { "yaxis.tickfont.size": label } : {};
    return Plotly.relayout(div, { height, ...labels, ...more });
  }

  // Images are stored as 16-bit steps: value = low + step * (q + 32767), -32768 for none.
  function values({ int16, columns, low, step }) {
    const bytes = Uint8Array.from(atob(int16), (c) => c.charCodeAt(0));
    const steps = new DataView(bytes.buffer);
    return [...Array(bytes.length / 2 / columns).keys()].map((row) =>
      Float32Array.from({ length: columns }, (_, column) => {
        const q = steps.getInt16(2 * (row * columns + column), true);
        return q === -32768 ? NaN : low + step * (q + 32767);
      }));
  }

  async function draw(div) {
    const figure = json(div.dataset.figure);
    for (const trace of figure.data) if (trace.type === "heatmap") trace.z = values(trace.z);
    figure.layout.template = template();
    heights.set(div, figure.layout.height);
    const { height, label } = fitted(div, figure.layout, div.clientWidth);
    figure.layout.height = height;
    div.style.height = height + "px";
    if (isSquare(figure.layout) && figure.layout.yaxis) figure.layout.yaxis.tickfont = { size: label };
    const box = div.closest(".brain");
    const brain = box && json(box.dataset.values);
    try {
      if (brain) fillBrain(figure, brain);
      await Plotly.newPlot(div, figure.data, figure.layout, config);
      drawn.push(div);
      if (brain) await setUpBrain(div, brain);
    } catch (error) {
      div.textContent = "This figure could not be drawn: " + error.message;
    }
  }

  // One mesh of many balls: the unit sphere, scaled and moved to every chosen region.
  function balls(brain, value, chosen) {
    const mesh = { x: [], y: [], z: [], i: [], j: [], k: [], intensity: [], hovertext: [] };
    for (const region of chosen) {
      const first = mesh.x.length, [cx, cy, cz] = brain.xyz[region], radius = value.radii[region];
      for (const [x, y, z] of brain.sphere.vertices) {
        mesh.x.push(cx + radius * x); mesh.y.push(cy + radius * y); mesh.z.push(cz + radius * z);
        mesh.intensity.push(value.numbers[region]); mesh.hovertext.push(value.text[region]);
      }
      for (const [i, j, k] of brain.sphere.triangles) {
        mesh.i.push(first + i); mesh.j.push(first + j); mesh.k.push(first + k);
      }
    }
    return mesh;
  }

  function brainTraces(brain, value) {
    const all = [...brain.xyz.keys()];
    const known = balls(brain, value, all.filter((region) => value.numbers[region] !== null));
    const unknown = balls(brain, value, all.filter((region) => value.numbers[region] === null));
    delete unknown.intensity;
    return [{ ...known, cmin: value.low, cmax: value.high, visible: known.x.length > 0 },
      { ...unknown, visible: unknown.x.length > 0 }];
  }

  function fillBrain(figure, brain) {
    brainTraces(brain, brain.values[0]).forEach((trace, n) => {
      const target = figure.data[brain.hulls + brain.edges + n];
      Object.assign(target, trace);
      if (n === 0) target.colorbar.title = { text: brain.values[0].unit };
    });
  }

  const eyes = {
    left: { eye: { x: -1.4, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } },
    right: { eye: { x: 1.4, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } },
    top: { eye: { x: 0, y: 0, z: 1.5 }, up: { x: 0, y: 1, z: 0 } },
    front: { eye: { x: 0, y: 1.5, z: 0 }, up: { x: 0, y: 0, z: 1 } },
  };

  function setUpBrain(div, brain) {
    const box = div.closest(".brain");
    const note = box.querySelector(".note");
    const still = box.querySelector(".still");
    const range = (start, n) => [...Array(n).keys()].map((i) => start + i);
    const snapshot = async () => {
      still.src = await Plotly.toImage(div, { format: "png", width: 900, height: 600, scale: 1.5 });
    };
    const on = (selector, event, act) => box.querySelectorAll(selector).forEach((element) =>
      element.addEventListener(event, async () => { await act(element); await snapshot(); }));
    on("[name=value]", "change", (select) => {
      const value = brain.values[select.value];
      const [known, unknown] = brainTraces(brain, value);
      const update = { "colorbar.title.text": [value.unit, ""] };
      for (const key of Object.keys(known)) update[key] = [known[key], unknown[key] ?? null];
      note.innerHTML = value.note;
      return Plotly.restyle(div, update, range(brain.hulls + brain.edges, 2));
    });
    on("[name=edges]", "change", (select) => {
      const shown = range(0, brain.edges).map((i) => String(i) === select.value);
      return Plotly.restyle(div, { visible: shown }, range(brain.hulls, brain.edges));
    });
    on("[name=hull]", "change", (check) => Plotly.restyle(div, { visible: check.checked }, range(0, brain.hulls)));
    on("[data-view]", "click", (button) =>
      Plotly.relayout(div, { "scene.camera": { ...eyes[button.dataset.view], center: { x: 0, y: 0, z: 0 } } }));
    return snapshot();
  }

  function theme() {
    for (const div of drawn) Plotly.relayout(div, { template: template() });
  }
  dark.addEventListener("change", theme);

  // A printed page is as wide as this; the figures of a pair share it.
  const PRINT_PX = { wide: 690, pair: 338 };
  window.addEventListener("beforeprint", () => {
    for (const div of drawn) {
      const width = div.closest(".wide") ? PRINT_PX.wide : PRINT_PX.pair;
      refit(div, width, { template: templates.light, width });
    }
  });
  window.addEventListener("afterprint", () => {
    for (const div of drawn) refit(div, div.clientWidth, { template: template(), width: null, autosize: true });
  });
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const div of drawn) if (isSquare(div.layout)) refit(div, div.clientWidth);
    }, 200);
  });

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) entry.isIntersecting ? seen.add(entry.target.id) : seen.delete(entry.target.id);
    let current = null;
    for (const id of links.keys()) if (current === null && seen.has(id)) current = id;
    if (current !== null) for (const [id, link] of links) link.classList.toggle("here", id === current);
  }, { rootMargin: "-12% 0px -55% 0px" });
  for (const id of links.keys()) watcher.observe(document.getElementById(id));

  (async () => {
    for (const div of plots) {
      await draw(div);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    document.documentElement.dataset.ready = "yes";
  })();
})();
