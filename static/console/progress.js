/* Keeps the page of a running job up to date: fetches the part that changes until the job has ended. */
"use strict";

(() => {
  const follow = (place) => {
    const wait = Number(place.dataset.seconds || 2) * 1000;
    let failures = 0;

    const again = () => setTimeout(step, wait * Math.min(1 + failures, 5));

    const step = async () => {
      // A page that nobody looks at asks for nothing.
      if (document.hidden) {
        document.addEventListener("visibilitychange", step, { once: true });
        return;
      }
      try {
        const answer = await fetch(place.dataset.refresh, { credentials: "same-origin" });
        if (answer.redirected || answer.status === 404) {
          window.location.reload();
          return;
        }
        if (!answer.ok) {
          throw new Error(`status ${answer.status}`);
        }
        place.innerHTML = await answer.text();
        failures = 0;
      } catch {
        failures += 1;
      }
      if (place.querySelector("[data-running='no']")) {
        // The buttons in the head of the page belong to a running job: fetch them anew.
        window.location.reload();
        return;
      }
      again();
    };

    again();
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-refresh]").forEach(follow);
  });
})();
