/* Keeps the page of a running job up to date. Events of the stream move the bar at once; the part of the page with
   tables is fetched now and then, and more often where no stream answers. */
"use strict";

(() => {
  const SLOW = 5; // how much less often is asked while the stream tells

  const number = (value) => Number(value).toLocaleString("en-US", { maximumFractionDigits: 0 });

  const duration = (seconds) => {
    if (seconds < 90) {
      return `${Math.max(1, Math.round(seconds))} s`;
    }
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
  };

  const show = (place, progress) => {
    const part = (name) => place.querySelector(`[data-live="${name}"]`);
    const rate = progress.recent_rows_per_second || progress.rows_per_second;
    const words = [];
    if (rate) {
      words.push(`; ${number(rate)} rows a second`);
    }
    if (progress.seconds_left) {
      words.push(`; about ${duration(progress.seconds_left)} left`);
    } else if (progress.phase === "reading") {
      words.push("; reading and checking the file");
    }
    if (part("bar")) {
      part("bar").style.width = `${progress.percent}%`;
    }
    if (part("rows")) {
      part("rows").textContent = `${number(progress.rows_done)} of ${number(progress.rows)} rows`;
    }
    if (part("pace")) {
      part("pace").textContent = words.join("");
    }
  };

  const follow = (place) => {
    const wait = Number(place.dataset.seconds || 2) * 1000;
    let failures = 0;
    let told = false; // whether the stream is open
    let timer = null;
    let source = null;

    const again = () => {
      clearTimeout(timer);
      timer = setTimeout(step, wait * (told ? SLOW : Math.min(1 + failures, 5)));
    };

    const finish = () => {
      // The buttons in the head of the page belong to a running job: fetch them anew.
      if (source) {
        source.close();
      }
      window.location.reload();
    };

    const step = async () => {
      // A page that nobody looks at asks for nothing.
      if (document.hidden) {
        document.addEventListener("visibilitychange", step, { once: true });
        return;
      }
      try {
        const answer = await fetch(place.dataset.refresh, { credentials: "same-origin" });
        if (answer.redirected || answer.status === 404) {
          finish();
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
        finish();
        return;
      }
      again();
    };

    const listen = () => {
      if (!place.dataset.stream || !window.EventSource) {
        return;
      }
      const { protocol, hostname } = window.location;
      const port = place.dataset.streamPort;
      const origin = port ? `${protocol}//${hostname}:${port}` : "";
      source = new EventSource(origin + place.dataset.stream, { withCredentials: true });
      source.addEventListener("open", () => {
        told = true;
        place.dataset.told = "stream";
      });
      source.addEventListener("job", (event) => {
        const progress = JSON.parse(event.data);
        show(place, progress);
        if (!progress.running) {
          finish();
        }
      });
      source.addEventListener("end", (event) => {
        source.close();
        told = false;
        if (JSON.parse(event.data).why === "done") {
          finish();
        } else {
          again();
        }
      });
      source.addEventListener("error", () => {
        // The browser tries again by itself, unless it was refused; until then the page asks.
        told = false;
        place.dataset.told = "polling";
        again();
      });
    };

    listen();
    again();
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-refresh]").forEach(follow);
  });
})();
