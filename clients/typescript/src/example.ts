/**
 * Log in, upload a file, follow its job, read what came out.
 *
 *   API=http://localhost:8000 EMAIL=... PASSWORD=... npm run example -- portfolio.csv
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import createClient, { type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.js";

type Job = components["schemas"]["JobOut"];
type Result = components["schemas"]["ResultRowOut"];
type Problem = components["schemas"]["Problem"];

const POLL_MILLISECONDS = 500;

/** What went wrong, in the API's own words. */
class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`);
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`Set ${name}.`);
  return value;
}

/** The body of an answer, or the problem as an exception. */
function body<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Refused(answer.error as Problem);
  return answer.data;
}

async function main(path: string): Promise<void> {
  const client = createClient<paths>({ baseUrl: setting("API") });
  const { access_token: token } = body(
    await client.POST("/api/v1/auth/login", {
      body: { email: setting("EMAIL"), password: setting("PASSWORD") },
    }),
  );
  const bearer: Middleware = {
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  };
  client.use(bearer);

  const form = new FormData();
  form.append("kind", "annual");
  form.append("file", new Blob([await readFile(path)]), basename(path));
  let job: Job = body(
    await client.POST("/api/v1/predictions/jobs", {
      // The described shape names the parts; the form itself is what goes out.
      body: { file: "", kind: "annual" },
      bodySerializer: () => form,
    }),
  );
  while (job.state === "pending" || job.state === "processing") {
    console.error(`${job.progress_percentage} %`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
    job = body(
      await client.GET("/api/v1/predictions/jobs/{id}", { params: { path: { id: job.id } } }),
    );
  }
  const page = body(
    await client.GET("/api/v1/predictions/jobs/{id}/results", {
      params: { path: { id: job.id }, query: { size: 10 } },
    }),
  );
  const results: Result[] = page.items;
  console.log(
    JSON.stringify({
      state: job.state,
      scored: job.successful_rows,
      refused: job.failed_rows,
      worst: results.map((row) => [row.company_symbol, row.probability, row.risk_level]),
    }),
  );
}

const [, , file] = process.argv;
if (file === undefined) {
  console.error("Say which file to score.");
  process.exitCode = 2;
} else {
  await main(file);
}
