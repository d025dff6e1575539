// The turning map: a cloud of points on a plain canvas, so that the file stays small.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const canvas = document.getElementById("map");
  const pen = canvas.getContext("2d");
  const card = document.getElementById("card");
  const thumb = document.getElementById("thumb");
  const bytes = Uint8Array.from(atob(data.xyz), (c) => c.charCodeAt(0));
  const xyz = Float32Array.from(new Int16Array(bytes.buffer), (v) => v / 32767);
  const n = data.id.length;
  const screen = new Float32Array(3 * n); // x, y, radius
  const depth = new Float32Array(n);
  const order = new Uint32Array(n);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sheets = (data.sheets || []).map((uri) => Object.assign(new Image(), { src: uri }));
  let yaw = 0.7, pitch = 0.42, zoom = 1, turning = !still, chosen = -1, hovered = -1;
  let mode = "cluster", discs = [], width = 0, height = 0, wanted = false, seen = true;
  let fitted = 1, middle = 0;

  const kinds = () => (mode === "class" ? data.classes : data.groups);
  const kindOf = () => (mode === "class" ? data.class : data.group);

  function disc(colour) {
    const side = 48, d = document.createElement("canvas");
    d.width = d.height = side;
    const p = d.getContext("2d");
    p.beginPath();
    p.arc(side / 2, side / 2, side / 2 - 3, 0, 7);
    p.fillStyle = colour;
    p.fill();
    p.lineWidth = 2.5;
    p.strokeStyle = "rgba(0,0,0,.22)";
    p.stroke();
    return d;
  }

  // Where a point of the cube stands: right, up, how much nearer it looks, how far it is.
  function seenAt(x, y, z, turn, tilt) {
    const ct = Math.cos(tilt), st = Math.sin(tilt), ca = Math.cos(turn), sa = Math.sin(turn);
    const u = x * ca - y * sa, v = x * sa + y * ca;
    const far = v * ct - z * st, near = 3.6 / (3.6 + far);
    return [u * near, (v * st + z * ct) * near, near, far];
  }

  // The scale at which the whole cloud stays inside the frame while it turns.
  function fit() {
    let right = 0.3, top = -9, bottom = 9;
    const step = Math.max(1, Math.floor(n / 1500));
    for (let turn = 0; turn < 6.28; turn += 0.4) {
      for (let i = 0; i < n; i += step) {
        const [u, up] = seenAt(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2], turn, 0.42);
        right = Math.max(right, Math.abs(u));
        top = Math.max(top, up);
        bottom = Math.min(bottom, up);
      }
    }
    middle = (top + bottom) / 2;
    fitted = 0.95 * Math.min(width / 2 / right, height / Math.max(0.3, top - bottom));
  }

  function project() {
    const scale = fitted * zoom;
    const base = Math.max(2, Math.min(8, 220 / Math.sqrt(n))) * Math.sqrt(zoom);
    for (let i = 0; i < n; i++) {
      const [u, up, near, far] = seenAt(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2], yaw, pitch);
      screen[3 * i] = width / 2 + u * scale;
      screen[3 * i + 1] = height / 2 - (up - middle) * scale;
      screen[3 * i + 2] = base * near;
      depth[i] = far;
    }
  }

  function floor() {
    const scale = fitted * zoom;
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.lineWidth = 1;
    pen.globalAlpha = 0.09;
    pen.beginPath();
    for (let k = -2; k <= 2; k++) {
      for (const line of [[-1, k / 2, 1, k / 2], [k / 2, -1, k / 2, 1]]) {
        for (const end of [0, 2]) {
          const [u, up] = seenAt(line[end], line[end + 1], -1.04, yaw, pitch);
          const x = width / 2 + u * scale, y = height / 2 - (up - middle) * scale;
          if (end) pen.lineTo(x, y); else pen.moveTo(x, y);
        }
      }
    }
    pen.stroke();
    pen.globalAlpha = 1;
  }

  function sortByDepth() {
    const buckets = 128, count = new Uint32Array(buckets + 1);
    const at = (i) => Math.min(buckets - 1, Math.max(0, ((1.8 - depth[i]) / 3.6) * buckets | 0));
    for (let i = 0; i < n; i++) count[at(i) + 1]++;
    for (let b = 0; b < buckets; b++) count[b + 1] += count[b];
    for (let i = 0; i < n; i++) order[count[at(i)]++] = i;
  }

  function draw() {
    wanted = false;
    project();
    sortByDepth();
    pen.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
    pen.clearRect(0, 0, width, height);
    floor();
    const kind = kindOf();
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < n; j++) {
        const i = order[j], faded = chosen >= 0 && kind[i] !== chosen;
        if (faded === (pass === 1)) continue; // what is brought out is drawn last
        const r = screen[3 * i + 2] * (faded ? 0.8 : 1);
        pen.globalAlpha = faded ? 0.1 : 0.72 + 0.28 * Math.min(1, Math.max(0, 0.5 - depth[i] / 2));
        pen.drawImage(discs[kind[i]], screen[3 * i] - r, screen[3 * i + 1] - r, 2 * r, 2 * r);
      }
    }
    pen.globalAlpha = 1;
    if (hovered >= 0) ring(hovered);
    if (turning && seen) {
      yaw += 0.0032;
      redraw();
    }
  }

  function ring(i) {
    pen.beginPath();
    pen.arc(screen[3 * i], screen[3 * i + 1], screen[3 * i + 2] + 4, 0, 7);
    pen.lineWidth = 2.5;
    pen.strokeStyle = getComputedStyle(canvas).color;
    pen.stroke();
  }

  function redraw() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(draw);
  }

  function resize() {
    const box = canvas.getBoundingClientRect(), ratio = Math.min(2, devicePixelRatio || 1);
    width = box.width;
    height = box.height;
    fit();
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    redraw();
  }

  function nearestTo(x, y) {
    let best = -1, least = 14 * 14;
    const kind = kindOf();
    for (let j = 0; j < n; j++) {
      const i = order[j]; // far to near, so that of equals the near one wins
      if (chosen >= 0 && kind[i] !== chosen) continue;
      const dx = screen[3 * i] - x, dy = screen[3 * i + 1] - y, d = dx * dx + dy * dy;
      if (d <= least) { least = d; best = i; }
    }
    return best;
  }

  function picture(i) {
    const sheet = sheets[Math.floor(i / data.perSheet)];
    thumb.hidden = !sheet;
    if (!sheet || !sheet.complete) return;
    const at = i % data.perSheet, w = data.sizes[2 * i], h = data.sizes[2 * i + 1];
    const x = (at % data.columns) * data.tile, y = Math.floor(at / data.columns) * data.tile;
    const p = thumb.getContext("2d"), s = 96 / Math.max(w, h);
    p.clearRect(0, 0, 96, 96);
    p.imageSmoothingEnabled = Math.max(w, h) > 40;
    p.drawImage(sheet, x, y, w, h, (96 - w * s) / 2, (96 - h * s) / 2, w * s, h * s);
  }

  function show(i) {
    hovered = i;
    card.hidden = i < 0;
    redraw();
    if (i < 0) return;
    document.getElementById("card-title").textContent = data.groups[data.group[i]].name;
    const kind = data.classes ? "class " + data.classes[data.class[i]].name + "\n" : "";
    document.getElementById("card-text").textContent = kind + data.id[i];
    picture(i);
    const x = screen[3 * i], y = screen[3 * i + 1];
    const left = x + 20 + card.offsetWidth > width ? x - 20 - card.offsetWidth : x + 20;
    card.style.left = Math.max(4, left) + "px";
    card.style.top = Math.max(4, Math.min(height - card.offsetHeight - 4, y - 40)) + "px";
  }

  function choose(index) {
    chosen = chosen === index ? -1 : index;
    document.querySelectorAll("#pills button").forEach((b, i) => b.setAttribute("aria-pressed", i === chosen));
    redraw();
  }

  function pills() {
    const box = document.getElementById("pills");
    discs = kinds().map((kind) => disc(kind.colour));
    chosen = -1;
    const present = new Set(kindOf());
    box.replaceChildren(...kinds().map((kind, i) => {
      const button = document.createElement("button"), dot = document.createElement("i");
      dot.style.setProperty("--c", kind.colour);
      button.append(dot, kind.name.replace(/^Cluster /, ""));
      button.setAttribute("aria-pressed", "false");
      button.hidden = !present.has(i);
      if (!present.has(i)) button.style.display = "none";
      button.onclick = () => choose(i);
      return button;
    }));
    redraw();
  }

  let from = null;
  canvas.onpointerdown = (e) => {
    from = { x: e.clientX, y: e.clientY, yaw, pitch, moved: false };
    turning = false;
    canvas.setPointerCapture(e.pointerId);
  };
  canvas.onpointermove = (e) => {
    if (from) {
      const dx = e.clientX - from.x, dy = e.clientY - from.y;
      from.moved = from.moved || Math.hypot(dx, dy) > 4;
      yaw = from.yaw - dx * 0.008;
      pitch = Math.max(-1.5, Math.min(1.5, from.pitch + dy * 0.008));
      card.hidden = true;
      hovered = -1;
      redraw();
    } else {
      const found = nearestTo(e.offsetX, e.offsetY);
      if (found >= 0) turning = false;
      if (found !== hovered) show(found);
    }
  };
  canvas.onpointerup = (e) => {
    const clicked = from && !from.moved;
    from = null;
    if (!clicked) return;
    const found = nearestTo(e.offsetX, e.offsetY);
    if (found >= 0) show(found);
  };
  canvas.onpointercancel = () => { from = null; };
  canvas.onpointerleave = () => { if (!from) show(-1); };
  const closer = (factor) => { zoom = Math.max(0.5, Math.min(8, zoom * factor)); redraw(); };
  canvas.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return; // a plain wheel scrolls the page
    e.preventDefault();
    closer(Math.exp(-e.deltaY / 300));
  }, { passive: false });
  document.getElementById("closer").onclick = () => closer(1.3);
  document.getElementById("farther").onclick = () => closer(1 / 1.3);
  canvas.onkeydown = (e) => {
    const step = { ArrowLeft: [0.08, 0], ArrowRight: [-0.08, 0], ArrowUp: [0, 0.06], ArrowDown: [0, -0.06] }[e.key];
    if (step) {
      yaw += step[0];
      pitch = Math.max(-1.5, Math.min(1.5, pitch + step[1]));
      turning = false;
      e.preventDefault();
      redraw();
    } else if (e.key === "+" || e.key === "-") closer(e.key === "+" ? 1.2 : 1 / 1.2);
  };
  const select = document.getElementById("colour");
  if (select) select.onchange = () => { mode = select.value; pills(); };
  new IntersectionObserver((entries) => {
    seen = entries[0].isIntersecting;
    if (seen) redraw();
  }).observe(canvas);
  addEventListener("resize", resize);
  pills();
  resize();
})();
