"use strict";
(() => {
  document.documentElement.classList.add("live");

  for (const range of document.querySelectorAll(".pair input")) {
    const show = () => range.parentElement.style.setProperty("--split", range.value + "%");
    range.addEventListener("input", show);
    show();
  }

  const filters = [...document.querySelectorAll("input[name=show]")];
  const items = [...document.querySelectorAll(".item")];
  const told = document.getElementById("told");
  const tell = () => {
    const count = items.filter((item) => item.offsetParent !== null).length;
    told.textContent = count + " of " + items.length + " shown";
  };
  const follow = () => {
    const wanted = filters.find((filter) => "#" + filter.value === location.hash && !filter.disabled);
    if (wanted) wanted.checked = true;
    tell();
  };
  for (const filter of filters) filter.addEventListener("change", tell);
  addEventListener("hashchange", follow);
  follow();

  for (const link of document.querySelectorAll("a[href^='#item-']")) {
    link.addEventListener("click", () => {
      document.getElementById("show-all").checked = true;
      tell();
    });
  }
})();
