"use strict";
(() => {
  const find = (selector) => document.querySelector(selector);
  const GLYPHS = { ok: "✓", fail: "✗", error: "!" };
  const BLINK = 700; // ms: fewer than three flashes per second, which can trigger seizures
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // Text from files is inserted as text, never as HTML.
  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // Control characters and marks that change the text direction are shown as escapes.
  function printable(text) {
    return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (c) => {
      const known = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[c];
      const code = c.codePointAt(0).toString(16);
      return known || (code.length > 2 ? "\\u" + code.padStart(4, "0") : "\\x" + code.padStart(2, "0"));
    });
  }

  function numeral(key, value) {
    if (value === Infinity) return "∞";
    return key === "ssim" || key === "ms_ssim" ? value.toFixed(6) : String(Number(value.toPrecision(6)));
  }

  // ---- the pairs, by column

  const columns = JSON.parse(find("#rows").textContent);
  for (const column of columns) {
    column.values = column.values.map((v) => (column.kind === "number" && v === "inf" ? Infinity : v));
  }
  const byKey = Object.fromEntries(columns.map((column) => [column.key, column]));
  const numbers = columns.filter((column) => column.kind === "number");
  const count = byKey.status.values.length;

  const folderOf = (column, row) => column.folders[column.folder[row]];
  function textOf(column, row) {
    const value = column.values[row];
    return column.kind === "path" ? folderOf(column, row) + value : value;
  }

  function pathOf(column, row) {
    const path = make("span", "file");
    path.append(make("span", "folder", printable(folderOf(column, row))));
    path.append(make("span", "name", printable(column.values[row])));
    path.title = printable(textOf(column, row));
    return path;
  }

  function statusOf(row) {
    const status = byKey.status.values[row];
    return make("span", "status " + status, GLYPHS[status] + " " + status);
  }

  // ---- the table: only visible rows are elements

  const scroller = find(".scroller");
  const body = find("tbody");
  const AHEAD = 12; // rows beyond both edges
  let order = Int32Array.from({ length: count }, (_, i) => i);
  let sorted = { column: null, down: false };
  let drawn = [-1, -1];
  let haystack = null;

  function hay(row) {
    const texts = columns.filter((c) => c.kind === "path" || c.kind === "text");
    haystack ||= Array.from({ length: count }, (_, i) =>
      texts.map((c) => textOf(c, i)).filter(Boolean).join("\n").toLowerCase());
    return haystack[row];
  }

  function comparison(column, down) {
    const sign = down ? -1 : 1;
    const keys = Array.from({ length: count }, (_, i) => textOf(column, i));
    const collator = new Intl.Collator(undefined, { numeric: true });
    const compare = column.kind === "number" ? (a, b) => (a < b ? -1 : a > b ? 1 : 0) : collator.compare;
    return (i, j) => {
      const [a, b] = [keys[i], keys[j]];
      if (a === null || b === null) return (a === null) - (b === null) || i - j; // missing values come last
      return sign * compare(a, b) || i - j;
    };
  }

  function arrange() {
    const text = find("#filter").value.trim().toLowerCase();
    const wanted = new Set([...document.querySelectorAll(".filters :checked")].map((box) => box.value));
    const rows = [];
    for (let i = 0; i < count; i++) {
      if (wanted.has(byKey.status.values[i]) && (!text || hay(i).includes(text))) rows.push(i);
    }
    if (sorted.column) rows.sort(comparison(sorted.column, sorted.down));
    order = Int32Array.from(rows);
    find("#shown").textContent = `${order.length.toLocaleString("en")} of ${count.toLocaleString("en")}`;
    find("table").setAttribute("aria-rowcount", order.length + 1);
    scroller.scrollTop = 0;
    drawn = [-1, -1];
    draw();
  }

  function cellOf(column, row) {
    const cell = make("td", column.kind);
    cell.dataset.key = column.key;
    const value = column.values[row];
    if (column.kind === "status") cell.append(statusOf(row));
    else if (column.kind === "path") cell.append(pathOf(column, row));
    else if (column.kind === "number") cell.textContent = value === null ? "–" : numeral(column.key, value);
    else if (value !== null) cell.textContent = cell.title = printable(value);
    if (column.key === "distorted" && caseOfRow.has(row)) {
      const open = make("button", "open", "▦");
      open.type = "button";
      open.title = "Show the pictures";
      open.setAttribute("aria-label", "Show the pictures of " + printable(textOf(column, row)));
      open.addEventListener("click", () => { show(caseOfRow.get(row)); reveal(); });
      cell.prepend(open);
    }
    return cell;
  }

  // A pair with an error has no numbers: the message replaces them.
  function cellsOf(row) {
    if (byKey.status.values[row] !== "error" || !byKey.remarks) return columns.map((column) => cellOf(column, row));
    const named = columns.slice(0, 3).map((column) => cellOf(column, row));
    const message = make("td", "message", printable(byKey.remarks.values[row] || ""));
    message.colSpan = columns.length - named.length;
    message.title = message.textContent;
    return [...named, message];
  }

  function gap(rows, height) {
    const line = make("tr", "gap");
    line.setAttribute("aria-hidden", "true");
    line.style.height = rows * height + "px";
    return line;
  }

  function draw() {
    const height = parseFloat(getComputedStyle(scroller).getPropertyValue("--row"));
    const first = Math.max(0, Math.floor(scroller.scrollTop / height) - AHEAD);
    const last = Math.min(order.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + AHEAD);
    if (first === drawn[0] && last === drawn[1]) return;
    drawn = [first, last];
    const lines = [gap(first, height)];
    for (let i = first; i < last; i++) {
      const line = make("tr", i % 2 ? "odd" : "");
      line.setAttribute("aria-rowindex", i + 2);
      line.append(...cellsOf(order[i]));
      lines.push(line);
    }
    lines.push(gap(order.length - last, height));
    body.replaceChildren(...lines);
  }

  function sortBy(column) {
    sorted = { column, down: sorted.column === column && !sorted.down };
    for (const head of document.querySelectorAll("th")) {
      const own = head.dataset.key === column.key;
      head.setAttribute("aria-sort", own ? (sorted.down ? "descending" : "ascending") : "none");
    }
    arrange();
  }

  function buildTable() {
    const line = make("tr");
    line.setAttribute("aria-rowindex", 1);
    for (const column of columns) {
      find("colgroup").append(make("col", column.kind));
      find("colgroup").lastChild.dataset.key = column.key;
      const head = make("th", column.kind);
      const button = make("button", "", printable(column.title));
      head.scope = "col";
      head.dataset.key = column.key;
      head.setAttribute("aria-sort", "none");
      button.type = "button";
      button.addEventListener("click", () => sortBy(column));
      head.append(button);
      line.append(head);
    }
    find("thead").append(line);
    scroller.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
    new ResizeObserver(draw).observe(scroller);
    find("#filter").addEventListener("input", arrange);
    find(".filters fieldset").addEventListener("change", arrange);
  }

  // ---- the pairs that have pictures

  const blocks = [...document.querySelectorAll("script.case")];
  const caseOfRow = new Map(blocks.map((block, i) => [Number(block.dataset.index), i]));
  const parsed = new Map(); // a block is parsed when it is first visible
  const cards = [];
  let current = -1;
  let mode = "slide";
  let timer = 0;
  let flipped = false;

  function caseAt(i) {
    if (!parsed.has(i)) parsed.set(i, JSON.parse(blocks[i].textContent));
    return parsed.get(i);
  }

  function cardOf(i) {
    const row = Number(blocks[i].dataset.index);
    const item = make("li");
    const card = make("button", "card");
    const first = numbers[0];
    card.type = "button";
    card.append(make("span", "thumbs"));
    card.append(statusOf(row), make("span", "score", numeral(first.key, first.values[row])));
    card.append(pathOf(byKey.distorted, row));
    card.addEventListener("click", () => show(i));
    item.append(card);
    cards.push(card);
    return item;
  }

  function fill(card) {
    const { pictures } = caseAt(cards.indexOf(card));
    const thumbs = card.querySelector(".thumbs");
    if (!pictures) thumbs.append(make("span", "", "no pictures"));
    for (const uri of pictures ? [pictures.distorted, pictures.heat] : []) {
      const image = make("img");
      image.alt = "";
      image.decoding = "async";
      image.src = uri;
      thumbs.append(image);
    }
  }

  function show(i) {
    if (i < 0 || i >= blocks.length) return;
    if (current >= 0) cards[current].removeAttribute("aria-current");
    current = i;
    cards[i].setAttribute("aria-current", "true");
    within(find(".cards"), cards[i].parentElement);
    const { pictures, remark } = caseAt(i);
    find("#place").textContent = `${i + 1} / ${blocks.length}`;
    find("#previous").disabled = i === 0;
    find("#next").disabled = i === blocks.length - 1;
    find(".stage").hidden = !pictures;
    find(".gone").hidden = Boolean(pictures);
    find(".gone").textContent = pictures ? "" : printable(remark || "");
    if (pictures) place(pictures);
    find(".facts").replaceChildren(...facts(Number(blocks[i].dataset.index), pictures, remark));
    setMode(mode);
  }

  // Scrolls only the list, not the page.
  function within(list, item) {
    const [outer, inner] = [list.getBoundingClientRect(), item.getBoundingClientRect()];
    if (inner.top < outer.top) list.scrollTop += inner.top - outer.top;
    if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
    if (inner.left < outer.left) list.scrollLeft += inner.left - outer.left;
    if (inner.right > outer.right) list.scrollLeft += inner.right - outer.right;
  }

  function reveal() {
    find(".viewer").scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
  }

  function place(pictures) {
    const stage = find(".stage");
    for (const layer of ["reference", "distorted", "heat"]) {
      stage.querySelector("." + layer).src = pictures[layer];
    }
    const ratio = pictures.width / pictures.height;
    stage.style.aspectRatio = ratio;
    stage.style.maxWidth = `min(100%, ${(62 * ratio).toFixed(3)}vh, ${pictures.width * 8}px)`;
    stage.classList.toggle("pixels", stage.clientWidth > 1.5 * pictures.width);
  }

  function facts(row, pictures, remark) {
    const texts = [byKey.remarks && byKey.remarks.values[row], pictures && remark].filter(Boolean);
    return [
      definitions("files", ["reference", "distorted"].map((key) =>
        [byKey[key].title, printable(textOf(byKey[key], row))])),
      definitions("scores", [
        ...numbers.filter((column) => column.values[row] !== null).map((column) =>
          [column.title, numeral(column.key, column.values[row])]),
        ...(byKey.frames && byKey.frames.values[row] ? [["Frames", byKey.frames.values[row]]] : []),
        ["Status", statusOf(row)],
        ...(pictures ? [["Shown", shownAs(row, pictures)]] : []),
        ...(texts.length ? [["Remarks", printable(texts.join("; "))]] : []),
      ]),
    ];
  }

  function definitions(name, pairs) {
    const list = make("dl", name);
    for (const [term, content] of pairs) {
      const line = make("div");
      const description = make("dd");
      description.append(content);
      line.append(make("dt", "", term), description);
      list.append(line);
    }
    return list;
  }

  function shownAs(row, pictures) {
    const size = `${pictures.width}×${pictures.height}`;
    const whole = byKey.size ? byKey.size.values[row] : size;
    if (pictures.exact) return `${size}, lossless`;
    return whole === size ? `${size}, compressed` : `${size} of ${whole}, compressed`;
  }

  function setMode(wanted) {
    mode = wanted;
    clearInterval(timer);
    flipped = false;
    for (const button of document.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", button.dataset.mode === mode);
    }
    // With reduced motion, only a press of the button switches the picture.
    if (mode === "blink" && !calm.matches) timer = setInterval(flip, BLINK);
    paint();
  }

  function flip() {
    flipped = !flipped;
    paint();
  }

  function paint() {
    const split = mode === "slide" ? Number(find("#split").value) : mode === "blink" && !flipped ? 100 : 0;
    const stage = find(".stage");
    stage.dataset.mode = mode;
    stage.style.setProperty("--split", split + "%");
    const [left, right] = {
      slide: ["reference", "distorted"],
      blink: [flipped ? "distorted" : "reference", ""],
      overlay: ["1 − SSIM over the distorted image", ""],
      map: ["1 − SSIM", ""],
    }[mode];
    find(".tag.left").textContent = left;
    find(".tag.right").textContent = right;
    find(".split").classList.toggle("idle", mode !== "slide");
    find(".legend").classList.toggle("idle", mode === "slide" || mode === "blink");
  }

  function choose(wanted) {
    if (wanted === "blink" && mode === "blink" && calm.matches) flip();
    else setMode(wanted === mode ? "slide" : wanted);
  }

  function drag(event) {
    if (mode !== "slide" || event.buttons !== 1) return;
    const box = find(".stage").getBoundingClientRect();
    find("#split").value = (100 * (event.clientX - box.left)) / box.width;
    paint();
  }

  function buildGallery() {
    if (!blocks.length) return;
    find(".gallery").hidden = false;
    find(".cards").append(...blocks.map((_, i) => cardOf(i)));
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        seen.unobserve(entry.target);
        fill(entry.target);
      }
    }, { root: find(".cards"), rootMargin: "200px" });
    cards.forEach((card) => seen.observe(card));
    for (const button of document.querySelectorAll("[data-mode]")) {
      button.addEventListener("click", () => choose(button.dataset.mode));
    }
    find("#previous").addEventListener("click", () => show(current - 1));
    find("#next").addEventListener("click", () => show(current + 1));
    find("#split").addEventListener("input", () => (mode === "slide" ? paint() : setMode("slide")));
    find(".stage").addEventListener("pointerdown", drag);
    find(".stage").addEventListener("pointermove", drag);
    find(".stage").addEventListener("dragstart", (event) => event.preventDefault());
    show(0);
  }

  // ---- keys

  function nudge(by) {
    find("#split").value = Number(find("#split").value) + by;
    if (mode === "slide") paint();
  }

  const KEYS = {
    j: () => { show(current + 1); reveal(); },
    k: () => { show(current - 1); reveal(); },
    s: () => setMode("slide"),
    b: () => choose("blink"),
    o: () => choose("overlay"),
    m: () => choose("map"),
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=range], [type=checkbox])");
    if (event.ctrlKey || event.metaKey || event.altKey || find("#help").open) return;
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.key === "?") find("#help").showModal();
    else if (event.key === "/") find("#filter").focus();
    else if (blocks.length && event.target === document.body && event.key === "ArrowLeft") nudge(-2);
    else if (blocks.length && event.target === document.body && event.key === "ArrowRight") nudge(2);
    else if (blocks.length && KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
  });

  find("#help-button").hidden = false;
  find("#help-button").addEventListener("click", () => find("#help").showModal());
  buildTable();
  buildGallery();
  arrange();
})();
