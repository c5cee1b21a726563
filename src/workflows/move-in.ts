import type { Ref } from '../contracts/references.js';
import type { Adapting } from '../contracts/run.js';
import { askPeople } from './ask-people.js';
import type { Control } from './control.js';
import { choose, cluster, relabel, sample } from './steps.js';
import type { Ledger, Opened } from './steps.js';

/**
 * What an adapting run does before its first round: looks at the pool through the model that moves, groups what it sees,
 * labels the groups by labelled images and by what the model is sure of, and asks people where an answer tells most.
 *
 * Where people have labelled anything here, the first student learns from their labels alone, and from the pool while it
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
  const before: Opened = { ...run, round: 0 };
  const labelled = await sample(control, before, ledger, 'labelled', [source.model], null);
  const pool = await sample(control, before, ledger, 'pool', [source.model], null);
  const first = await cluster(control, before, ledger, pool.set, labelled.set);
  const labelBy = async (of: Opened, by: 'people' | 'clusters', clusters: Ref): Promise<Ref> => {
    const from = { model: source.model, pool: pool.set, cutoff: source.cutoff, clusters, by };
    return (await relabel(control, of, ledger, from)).labels;
  };
  const { adapt, seed } = run.settings;
  if (!adapt || adapt.ask === 0) {
    const known = run.counts.labelled > 0 || run.labels !== null;
    const labels = await labelBy(before, known ? 'people' : 'clusters', first.clusters);
    return { labels, adapting: { source, clusters: first.clusters }, budget: run.budget };
  }
  const questions = await choose(control, before, ledger, { clusters: first.clusters, pool: pool.set });
  const base = await labelBy(before, 'people', first.clusters);
  const asked = await control.stage('questions', async () =>
    askPeople({
      dataset: run.dataset,
      labels: base,
      questions,
      budget: adapt.ask,
      answers: adapt.answers,
      seed,
    }),
  );
  const labels = asked.refs.labels as Ref;
  const { clusters } = await cluster(control, { ...before, labels }, ledger, pool.set, labelled.set);
  const known = asked.answered + run.counts.labelled > 0 || run.labels !== null;
  const said = await labelBy({ ...before, labels }, known ? 'people' : 'clusters', clusters);
  return {
    labels: said,
    adapting: { source, clusters },
    budget: { ...run.budget, train: run.budget.train + asked.answered },
  };
}
