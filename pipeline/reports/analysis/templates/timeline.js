"use strict";
(() => {
  document.documentElement.classList.add("live");

  const clock = (seconds) => {
    const tenths = Math.floor(seconds * 10 + 1e-6);
    const whole = Math.floor(tenths / 10);
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(whole % 60) + "." + (tenths % 10);
  };

  for (const film of document.querySelectorAll(".film")) {
    const range = film.querySelector(".timeline input");
    const drawing = film.querySelector(".timeline svg");
    const cursor = film.querySelector(".cursor");
    const shots = [...film.querySelectorAll(".shot")];
    const starts = shots.map((shot) => Number(shot.dataset.start));
    const part = (name) => film.querySelector(".moment ." + name);
    const length = Number(film.dataset.seconds);
    const axis = drawing.viewBox.baseVal.width - 1000;
    let marked = null;

    const holders = (kind, told) =>
      [...film.querySelectorAll("." + kind + "[data-spans]")].map((each) => ({
        spans: each.dataset.spans.split(" ").filter(Boolean).map((span) => span.split(",").map(Number)),
        words: each.querySelector(told).textContent,
      }));
    const sections = holders("section", ".tagged");
    const people = holders("person", "b");
    const texts = holders("text", "q");
    const holding = (all, time) =>
      all.filter((each) => each.spans.some(([start, end]) => start <= time && time < end)).map((each) => each.words);

    const shotAt = (time) => {
      let low = 0;
      let high = starts.length - 1;
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (starts[middle] <= time) low = middle;
        else high = middle - 1;
      }
      return shots[low];
    };

    const tell = (shot, time) => {
      const image = shot.querySelector("img");
      const still = part("still");
      if (image && still.firstChild?.src !== image.src) {
        const copy = image.cloneNode();
        copy.loading = "eager";
        still.replaceChildren(copy);
      } else if (!image) {
        still.replaceChildren();
      }
      const small = document.createElement("small");
      small.textContent = "shot " + (shots.indexOf(shot) + 1) + " of " + shots.length;
      part("when").replaceChildren(clock(time), small);
      const what = [holding(sections, time).join(", "), holding(people, time).join(", ")];
      part("what").textContent = what.filter(Boolean).join(" · ");
      const read = holding(texts, time);
      const more = read.length > 4 ? " and " + (read.length - 4) + " more" : "";
      part("read").textContent = read.slice(0, 4).map((words) => "“" + words + "”").join(" ") + more;
    };

    const show = (time) => {
      cursor.setAttribute("transform", "translate(" + (axis + (time / length) * 1000) + " 0)");
      const shot = shotAt(time);
      if (!shot) return;
      tell(shot, time);
      if (marked !== shot) {
        marked?.classList.remove("now");
        shot.classList.add("now");
        marked = shot;
      }
      range.setAttribute("aria-valuetext", clock(time) + ", shot " + (shots.indexOf(shot) + 1));
    };

    range.addEventListener("input", () => show(Number(range.value)));
    range.addEventListener("pointermove", (event) => {
      const box = range.getBoundingClientRect();
      show(Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * length);
    });
    range.addEventListener("pointerleave", () => show(Number(range.value)));
    for (const shot of shots) {
      shot.querySelector(".thumb").addEventListener("click", () => {
        range.value = shot.dataset.start;
        show(Number(shot.dataset.start));
      });
    }
    show(0);
  }
})();
