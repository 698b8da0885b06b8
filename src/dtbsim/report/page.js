"use strict";
(() => {
  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const templates = json("templates");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)");
  const buttons = json("buttons");
  // Buttons are those that are listed, whatever plotly would add; the file contacts nothing, and no button does.
  const config = (figure) => ({
    responsive: true, displaylogo: false, displayModeBar: "hover", showSendToCloud: false, plotlyServerURL: "",
    modeBarButtons: [figure.layout.scene ? buttons.space : buttons.plane],
    toImageButtonOptions: { format: "png", scale: 2 },
  });
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = [];
  const template = () => templates[dark.matches ? "dark" : "light"];

  // A printed page is as wide as this; the figures of a pair share it.
  const PRINT_PX = { wide: 690, pair: 338 };
  const PRINT_SHARE = 0.72;

  // Square figures get lower where they are narrow; others keep their height.
  const heights = new Map();
  const isSquare = (layout) => layout.meta?.beside !== undefined;
  const heightFor = (div, layout, width) =>
    isSquare(layout) ? Math.min(heights.get(div), width + layout.meta.beside) : heights.get(div);

  // Labels of an axis as far as they fit: the first, then each that is far enough from the one before.
  function labels(layout, width, height) {
    const update = {};
    for (const { axis, values, labels, gap, taken } of layout.meta?.thin ?? []) {
      const length = Math.max(1, (axis === "xaxis" ? width : height) - taken);
      const [first, last] = layout[axis].range ?? [values[0], values.at(-1)];
      const span = Math.abs(last - first) || 1;
      const kept = [];
      let before = -Infinity;
      values.forEach((value, i) => {
        const at = (value / span) * length;
        if (at - before < gap) return;
        kept.push(i);
        before = at;
      });
      update[axis + ".tickvals"] = kept.map((i) => values[i]);
      update[axis + ".ticktext"] = kept.map((i) => labels[i]);
    }
    return update;
  }

  // Narrow: the colour bar of the brain goes below it.
  const NARROW_PX = 560;
  function sceneLayout(layout, width) {
    if (!layout.scene) return {};
    return { "scene.domain": width < NARROW_PX ? { x: [0, 1], y: [0.16, 1] } : { x: [0, 0.9], y: [0, 1] } };
  }
  const sceneBar = (width) => (width < NARROW_PX
    ? { orientation: "h", x: 0.5, xanchor: "center", y: 0, yanchor: "bottom", len: 0.8 }
    : { orientation: "v", x: 1, xanchor: "right", y: 0.5, yanchor: "middle", len: 0.55 });

  function fit(div, layout, width, share = 1) {
    const height = Math.round(heightFor(div, layout, width) * share);
    div.style.height = height + "px";
    return { height, ...labels(layout, width, height), ...sceneLayout(layout, width) };
  }
  const refit = (div, width, more, share) => Plotly.relayout(div, { ...fit(div, div.layout, width, share), ...more });

  function put(layout, update) {
    for (const [path, value] of Object.entries(update)) {
      const keys = path.split("."), last = keys.pop();
      keys.reduce((inside, key) => (inside[key] ??= {}), layout)[last] = value;
    }
  }

  // A logarithmic axis has chosen ticks; once the reader zooms, plotly chooses them, until the axis is as it was.
  function watchTicks(div) {
    const axes = ["xaxis", "yaxis"].filter((axis) => div.layout[axis]?.type === "log" && div.layout[axis].tickvals);
    const whole = Object.fromEntries(axes.map((axis) => [axis, [...div.layout[axis].range]]));
    div.on("plotly_relayout", () => {
      const update = {};
      for (const axis of axes) {
        const now = div.layout[axis].range;
        const mode = whole[axis].every((end, i) => Math.abs(end - now[i]) < 1e-6) ? "array" : "auto";
        if ((div.layout[axis].tickmode ?? "array") !== mode) update[axis + ".tickmode"] = mode;
      }
      if (Object.keys(update).length) Plotly.relayout(div, update);
    });
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
    put(figure.layout, fit(div, figure.layout, div.clientWidth));
    if (touch.matches && !figure.layout.scene) figure.layout.dragmode = false; // a finger scrolls the page
    const box = div.closest(".brain");
    const brain = box && json(box.dataset.values);
    try {
      if (brain) fillBrain(figure, brain, div.clientWidth);
      await Plotly.newPlot(div, figure.data, figure.layout, config(figure));
      drawn.push(div);
      watchTicks(div);
      if (!brain) await makeStill(div);
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

  function fillBrain(figure, brain, width) {
    brainTraces(brain, brain.values[0]).forEach((trace, n) => {
      const target = figure.data[brain.hulls + brain.edges + n];
      Object.assign(target, trace);
      if (n === 0) target.colorbar = { ...target.colorbar, ...sceneBar(width), title: { text: brain.values[0].unit } };
    });
  }

  const eyes = (left) => ({
    left: { eye: { x: 1.4 * left, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } },
    right: { eye: { x: -1.4 * left, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } },
    top: { eye: { x: 0, y: 0, z: 1.5 }, up: { x: 0, y: 1, z: 0 } },
    front: { eye: { x: 0, y: 1.5, z: 0 }, up: { x: 0, y: 0, z: 1 } },
  });

  // Which side of the brain the left and right edge of the picture show; from a side, which side that is.
  function showMarks(div, brain) {
    const marks = div.layout.annotations ?? [];
    if (!marks.length) return;
    const { eye, up } = div._fullLayout.scene.camera;
    const across = { x: up.y * eye.z - up.z * eye.y, y: up.z * eye.x - up.x * eye.z, z: up.x * eye.y - up.y * eye.x };
    const share = (across.x * brain.left) / (Math.hypot(across.x, across.y, across.z) || 1); // 1: right edge is left
    const near = eye.x * brain.left > 0 ? "left" : "right";
    const texts = Math.abs(share) < 0.3 ? [`seen from the ${near}`, ""] : share > 0 ? ["<b>R</b>", "<b>L</b>"] : ["<b>L</b>", "<b>R</b>"];
    const update = {};
    texts.forEach((text, i) => { if (marks[i].text !== text) update[`annotations[${i}].text`] = text; });
    if (Object.keys(update).length) Plotly.relayout(div, update);
  }

  // What WebGL draws does not follow a page that is being printed: such figures have a picture for paper.
  async function makeStill(div, data = div.data, layout = div.layout) {
    const still = div.parentElement.querySelector(".still");
    if (!still) return;
    const height = Math.round(heights.get(div) * PRINT_SHARE), width = PRINT_PX.wide;
    const figure = { data, layout: structuredClone({ ...layout, template: templates.light }) };
    delete figure.layout.width;
    put(figure.layout, labels(figure.layout, width, height));
    still.src = await Plotly.toImage(figure, { format: "png", width, height, scale: 2 });
  }

  function setUpBrain(div, brain) {
    const box = div.closest(".brain");
    const note = box.querySelector(".note");
    const range = (start, n) => [...Array(n).keys()].map((i) => start + i);
    const snapshot = () => makeStill(
      div,
      div.data.map((trace) =>
        (trace.colorbar ? { ...trace, colorbar: { ...trace.colorbar, ...sceneBar(PRINT_PX.wide) } } : trace)),
      { ...div.layout, scene: { ...div.layout.scene, domain: { x: [0, 0.9], y: [0, 1] }, camera: div._fullLayout.scene.camera } },
    );
    div.on("plotly_relayout", () => showMarks(div, brain));
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
      Plotly.relayout(div, { "scene.camera": { ...eyes(brain.left)[button.dataset.view], center: { x: 0, y: 0, z: 0 } } }));
    box.brainBar = (width) => Plotly.restyle(div, Object.fromEntries(
      Object.entries(sceneBar(width)).map(([key, value]) => ["colorbar." + key, value])), [brain.hulls + brain.edges]);
    return snapshot();
  }

  function theme() {
    for (const div of drawn) Plotly.relayout(div, { template: template() });
  }
  dark.addEventListener("change", theme);

  window.addEventListener("beforeprint", () => {
    for (const div of drawn) {
      const width = div.closest(".wide") ? PRINT_PX.wide : PRINT_PX.pair;
      refit(div, width, { template: templates.light, width }, div.closest(".wide") ? PRINT_SHARE : 1);
    }
  });
  window.addEventListener("afterprint", () => {
    for (const div of drawn) refit(div, div.clientWidth, { template: template(), width: null, autosize: true });
  });
  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      for (const div of drawn) {
        refit(div, div.clientWidth);
        div.closest(".brain")?.brainBar?.(div.clientWidth);
      }
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
