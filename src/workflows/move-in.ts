import type { Ref } from '../contracts/references.js';
import type { Adapting } from '../contracts/run.js';
import { askPeople } from './ask-people.js';
import { compareWithSource } from './compare-pool.js';
import type { Control } from './control.js';
import { choose, cluster, relabel, sample } from './steps.js';
import type { Ledger, Opened } from './steps.js';

/**
 * What an adapting run does before its first round: looks at the pool through the model that moves, groups what it sees,
 * labels the groups by labelled images and by what the model is sure of, and asks people where an answer tells most.
 *
 * Where people have labelled anything here, the first student learns from people's labels alone, and from the pool while it
 * trains: pseudo-labels of a model from elsewhere are wrong too often (docs/decisions.md). Without a label the groups' are the best
 * there is: groups hold together where single decisions fail.
 *
 * Our reading of clustering adaptation, an inference (docs/methods.md): Kollias et al. 2017 and arXiv 1812.01681 leave the
 * procedure open.
 */
export async function moveIn(
  control: Control,
  run: Opened,
  source: Adapting['source'],
  ledger: Ledger,
): Promise<Pick<Opened, 'labels' | 'adapting' | 'budget'>> {
  const { adapt, seed } = run.settings;
  const known = run.counts.labelled > 0 || run.labels !== null;
  const at = (labels: Ref | null, labelled: boolean): Opened => ({
    ...{ ...run, round: 0, labels, adapting: { source, before: null, clusters: source.clusters, labelled } },
  });
  const before = at(run.labels, known || (adapt?.ask ?? 0) > 0);
  const labelled = await sample(control, before, ledger, 'labelled', [source.model], null);
  const pool = await sample(control, before, ledger, 'pool', [source.model], null);
  const compared = await compareWithSource(control, before, ledger, { source, pool: pool.set });
  const begin = async (of: Opened): Promise<Pick<Opened, 'labels' | 'adapting'>> => {
    const { clusters } = await cluster(control, of, ledger, pool.set, labelled.set);
    const by = of.adapting?.labelled ? 'people' : 'clusters';
    const from = { model: source.model, pool: pool.set, cutoff: source.cutoff, clusters, by } as const;
    const { labels } = await relabel(control, of, ledger, from);
    return { labels, adapting: { source, before: compared, clusters, labelled: by === 'people' } };
  };
  const first = await begin(before);
  if (!adapt || adapt.ask === 0 || !first.labels || !first.adapting) return { ...first, budget: run.budget };

  const { labels, adapting } = first;
  const questions = await choose(control, before, ledger, { clusters: adapting.clusters, pool: pool.set });
  const asked = await control.stage('questions', async () =>
    askPeople({ dataset: run.dataset, labels, questions, budget: adapt.ask, answers: adapt.answers, seed }),
  );
  const answered = asked.refs.labels ?? labels;
  return {
    ...(await begin(at(answered, known || asked.answered > 0))),
    budget: { ...run.budget, train: run.budget.train + asked.answered },
  };
}
