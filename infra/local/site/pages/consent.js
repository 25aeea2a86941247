// Asks whether this browser may be remembered, and tells Baton's script what the visitor answers.
addEventListener("load", () => {
  if (!self.baton) return; // It did not come through: there is nothing to ask for.
  const question = document.querySelector(".consent");
  question.hidden = false;
  question.addEventListener("click", ({ target }) => {
    if (!target.value) return;
    const granted = target.value === "yes";
    baton.consent(granted);
    question.querySelector("[role=status]").textContent = granted ? "We will remember it." : "We remember nothing.";
  });
});
