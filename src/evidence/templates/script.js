"use strict";
// Filters: a <form class="filters" data-table="ID"> with a search field, selects whose name is a data attribute of rows, and an <output>.
for (const form of document.querySelectorAll("form.filters[data-table]")) {
  const table = document.getElementById(form.dataset.table);
  const rows = Array.from(table.tBodies[0].rows);
  const output = form.querySelector("output");
  const apply = () => {
    const search = form.querySelector("input[type=search]");
    const words = search ? search.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && Array.from(form.querySelectorAll("select")).every((s) => !s.value || row.dataset[s.name] === s.value);
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    output.textContent = shown + " of " + rows.length + " shown";
  };
  form.addEventListener("input", apply);
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}
// Printing shows everything.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
