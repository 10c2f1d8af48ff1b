"use strict";
// The token must not stay where others see it: in the address bar, the history, a bookmark.
if (location.search || location.hash) {
  history.replaceState(null, "", document.documentElement.dataset.page);
}
for (const row of document.querySelectorAll("[data-shows]")) {
  const box = row.querySelector("input");
  const fields = row.closest("form").querySelectorAll("input[type=password]");
  row.hidden = false;
  box.addEventListener("change", () => {
    for (const field of fields) field.type = box.checked ? "text" : "password";
  });
}
