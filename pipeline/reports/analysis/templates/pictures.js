"use strict";
(() => {
  const filters = [...document.querySelectorAll("input[name=show]")];
  const items = [...document.querySelectorAll(".item")];
  const told = document.getElementById("told");
  if (!told) return;
  const tell = () => {
    const count = items.filter((item) => item.offsetParent !== null).length;
    told.textContent = count + " of " + items.length + " shown";
  };
  for (const filter of filters) filter.addEventListener("change", tell);
  tell();
})();
