import type { Ref } from '../contracts/references.js';
import type { Adapting } from '../contracts/run.js';
import type { Control } from './control.js';
import { cluster, relabel, sample } from './steps.js';
import type { Ledger, Opened } from './steps.js';

/**
 * What an adapting run does before its first round: looks at the pool through the model that moves, groups what it sees, and
 * labels the groups by labelled images and by what the model is sure of. Clusters hold together where single decisions
 * fail, so the first student learns from these labels.
 *
 * Our reading of clustering adaptation, an inference (docs/methods.md): Kollias et al. 2017 and arXiv 1812.01681 leave the
 * procedure open.
 */
export async function moveIn(
  control: Control,
  run: Opened,
  source: Adapting['source'],
  ledger: Ledger,
): Promise<{ labels: Ref; adapting: Adapting }> {
  const before: Opened = { ...run, round: 0 };
  const labelled = await sample(control, before, ledger, 'labelled', [source.model], null);
  const pool = await sample(control, before, ledger, 'pool', [source.model], null);
  const { clusters } = await cluster(control, before, ledger, pool.set, labelled.set);
  const { labels } = await relabel(control, before, ledger, {
    model: source.model,
    pool: pool.set,
    cutoff: source.cutoff,
    clusters,
    by: 'clusters',
  });
  return { labels, adapting: { source, clusters } };
}
