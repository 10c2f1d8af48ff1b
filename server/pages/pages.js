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

// Somebody may press the button on another device: then this page says so as well.
const waits = document.querySelector("form[data-waits]");
if (waits) {
  let left = 150; // times, of four seconds each
  const timer = setInterval(async () => {
    if (document.hidden) return;
    left -= 1;
    if (left === 0) clearInterval(timer);
    const proof = new URLSearchParams();
    for (const name of ["token", "tokenId"]) proof.set(name, waits.elements[name].value);
    const answer = await fetch("confirm/seen", { method: "POST", body: proof }).catch(() => null);
    if (answer === null || answer.status !== 200) return;
    clearInterval(timer);
    const told = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = told.title;
    document.querySelector("main").replaceWith(told.querySelector("main"));
  }, 4000);
}
