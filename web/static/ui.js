// Saves a click and nothing more: without it every page does the same.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    // A preview goes into a frame: the form stays, and can be sent.
    if (event.submitter?.hasAttribute("formtarget")) return void showSizes(form, event.submitter);
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    form.querySelector("button")?.setAttribute("aria-busy", "true");
  });
}
// Back from the next page, a form can be sent again; the server decides what that does.
addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    form.querySelector("button")?.removeAttribute("aria-busy");
  }
});
document.querySelector("[data-focus]")?.focus();
for (const button of document.querySelectorAll("[data-copy]")) {
  const words = document.getElementById(button.dataset.copy);
  button.hidden = !words || !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(words.textContent.trim());
    button.textContent = "Copied";
  });
}
// The preview is a frame that no script may read: the sizes beside the fields come from the same page, asked for again.
async function showSizes(form, show) {
  const places = form.querySelectorAll("[data-size]");
  if (!places.length || show.formMethod === "get") return;
  const typed = new URLSearchParams(new FormData(form, show));
  const answer = await fetch(form.action, { method: "POST", body: typed }).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const place of places) {
    const size = page.querySelector(`[data-size="${place.dataset.size}"]`);
    place.textContent = size?.textContent ?? "";
    place.classList.toggle("too-long", Boolean(size?.closest(".long")));
  }
}
// An editor shows what is written as soon as its author rests, and asks before it is left unsaved.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const show = document.getElementById(form.dataset.preview);
  let waiting;
  if (show && "draft" in form.dataset) form.requestSubmit(show); // sent back: what was typed is not saved
  form.addEventListener("input", (event) => {
    if (event.target.tagName === "TEXTAREA") form.dataset.changed = "yes";
    clearTimeout(waiting);
    waiting = setTimeout(() => show && form.requestSubmit(show), 400);
  });
}
addEventListener("beforeunload", (event) => {
  for (const form of document.querySelectorAll("form[data-guard][data-changed]")) {
    if (!form.dataset.sent) event.preventDefault();
  }
});
