import http from 'node:http';
import { Connection } from '@temporalio/client';
import path from 'node:path';
import { z } from 'zod';
import { readJson } from '../files.js';

/** A server that takes longer than this for its health alone is not well. */
const PROBE_MS = 3_000;
/** Workers write every 2 s (src/workers/health.ts); a busy machine may hold them up for a while. */
const FRESH_MS = 20_000;

/** grpc.health.v1.HealthCheckResponse.ServingStatus */
const SERVING = 1;

let temporal: { address: string; connection: Connection } | undefined;

/** Whether Temporal's frontend answers that it serves. */
export async function temporalServes(address: string): Promise<boolean> {
  if (temporal?.address !== address) {
    temporal?.connection.close().catch(() => undefined);
    temporal = { address, connection: Connection.lazy({ address }) };
  }
  const { connection } = temporal;
  try {
    const service = 'temporal.api.workflowservice.v1.WorkflowService';
    const { status } = await connection.withDeadline(Date.now() + PROBE_MS, () =>
      connection.healthService.check({ service }),
    );
    return Number(status) === SERVING;
  } catch {
    return false;
  }
}

/** Whether an HTTP server answers 200. */
export function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: PROBE_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

const report = z.object({ pid: z.int(), time: z.number(), learner: z.int().nullish() });

/** Whether a worker process said lately that it is well. */
export function reportsHealth(folder: string, name: string, pid: number): boolean {
  const found = report.safeParse(readJson(path.join(folder, `${name}.json`)));
  return found.success && found.data.pid === pid && Date.now() - found.data.time < FRESH_MS;
}

/** Process id of the learner that a host last spoke of; null if it has none. */
export function learnerOf(folder: string, name: string, pid: number): number | null {
  const found = report.safeParse(readJson(path.join(folder, `${name}.json`)));
  return found.success && found.data.pid === pid ? (found.data.learner ?? null) : null;
}
