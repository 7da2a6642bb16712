// What the theme and the gallery leave unnamed for screen readers and keyboards.
addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll(".bd-article table"))
    if (table.scrollWidth > table.clientWidth) table.tabIndex = 0;
  for (const button of document.querySelectorAll(".search-button-field"))
    button.setAttribute("aria-label", button.textContent.replace(/\s+/g, " ").trim());
  for (const summary of document.querySelectorAll(".bd-sidebar summary")) {
    const page = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", `Pages below ${page ? page.textContent.trim() : "this one"}`);
  }
  for (const link of document.querySelectorAll(".sphx-glr-thumbcontainer a"))
    if (!link.ariaLabel) link.setAttribute("aria-label", link.textContent.trim());
});
