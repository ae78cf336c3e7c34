"use strict";
// Without this, one click into a command selects all of it.
const told = document.getElementById("copied");
for (const box of document.querySelectorAll("[data-copy]")) {
  const pre = box.querySelector("pre");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${pre.getAttribute("aria-label")}`);
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(pre);
    try {
      await navigator.clipboard.writeText(pre.textContent);
      told.textContent = `Copied: ${pre.getAttribute("aria-label")}`;
      button.textContent = "Copied";
    } catch {
      told.textContent = "The browser forbids copying; the commands are selected.";
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  box.append(button);
}
