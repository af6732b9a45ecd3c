import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { routesHarness } from "./harness/routes-harness.ts";
import { documentPath, openApiDocument } from "./openapi.ts";
import { apiRoutes } from "./route-table.ts";

/** The parts of a document that are looked at here. */
const documentShape = z.looseObject({
  openapi: z.literal("3.1.0"),
  info: z.looseObject({ version: z.string() }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
        requestBody: z.looseObject({ required: z.boolean() }).optional(),
        responses: z.record(z.string(), z.unknown()),
      }),
    ),
  ),
});

async function served(): Promise<{ text: string; document: z.output<typeof documentShape> }> {
  const [, text] = await routesHarness().ask(`GET ${documentPath}`);
  return { text, document: documentShape.parse(JSON.parse(text)) };
}

/** `VERB /path` of everything in the document. */
function operations(document: z.output<typeof documentShape>): string[] {
  return Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
  );
}

describe("the document", () => {
  test("names every route of the application, and nothing else", async () => {
    const { document } = await served();
    // Of the running application, not of the table: a route that is mounted by hand is found too.
    const paths = new Set(routesHarness().app.routes.map(({ path }) => path));
    const mounted = [...paths].map((path) => path.replace(":name", "{name}"));
    expect(Object.keys(document.paths).toSorted()).toEqual(mounted.toSorted());
    expect(operations(document).toSorted()).toEqual(
      [`GET ${documentPath}`, ...apiRoutes.map(({ verb, path }) => `${verb} ${path}`)].toSorted(),
    );
  });

  test("every operation answers, and other verbs do not", async () => {
    const { document } = await served();
    const known = new Set(operations(document));
    for (const path of Object.keys(document.paths)) {
      for (const verb of ["GET", "PUT", "POST", "DELETE", "PATCH"]) {
        const [status] = await routesHarness().ask(`${verb} ${path.replace("{name}", "some")}`);
        expect([`${verb} ${path}`, status !== 405]).toEqual([
          `${verb} ${path}`,
          known.has(`${verb} ${path}`),
        ]);
      }
    }
  });

  test("ids are unique, and every status that a route answers is there", async () => {
    const { document } = await served();
    const all = Object.values(document.paths).flatMap((verbs) => Object.values(verbs));
    expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
    for (const { verb, path, answers, query, body, failures } of apiRoutes) {
      const operation = document.paths[path]?.[verb.toLowerCase()];
      const told = new Set(Object.keys(operation?.responses ?? {}));
      const wanted = [...Object.keys(answers), ...failures.map(String), "400", "403"];
      expect(wanted.filter((status) => !told.has(status))).toEqual([]);
      const inQuery = operation?.parameters.filter((parameter) => parameter.in === "query") ?? [];
      expect(inQuery.map(({ name }) => name)).toEqual(Object.keys(query.shape));
      expect(operation?.requestBody !== undefined).toBe(body !== undefined);
    }
  });

  test("every reference leads somewhere inside it", async () => {
    const { text, document } = await served();
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target ?? "");
    expect(references.length).toBeGreaterThan(0);
    for (const reference of new Set(references)) {
      expect(reference.startsWith("#/")).toBe(true);
      let at: unknown = document;
      for (const key of reference.slice(2).split("/"))
        at = (at as Readonly<Record<string, unknown>>)[key];
      expect([reference, typeof at]).toEqual([reference, "object"]);
    }
  });

  test("carries the server's version", () => {
    expect(openApiDocument(apiRoutes, "9.9.9")).toMatchObject({ info: { version: "9.9.9" } });
  });
});

describe("examples", () => {
  test.each(apiRoutes.map((route) => [`${route.verb} ${route.path}`, route] as const))(
    "%s",
    async (_, { verb, path, body, answers }) => {
      for (const { schema, example } of Object.values(answers)) {
        expect(schema === undefined).toBe(example === undefined);
        expect(schema?.safeParse(example).error).toBeUndefined();
      }
      if (body === undefined) return;
      expect(body.schema.safeParse(body.example).error).toBeUndefined();
      // The server takes it.
      const [status] = await routesHarness().ask(
        `${verb} ${path.replace("{name}", "some")}`,
        body.example,
      );
      expect(Object.keys(answers)).toContain(String(status));
    },
  );
});
