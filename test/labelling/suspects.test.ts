import assert from 'node:assert/strict';
import { ClusterVotes } from '../../src/labelling/cluster-labels.js';
import { suspectsOf } from '../../src/labelling/suspects.js';

describe('suspects', () => {
  const [own, sure] = [
    { probability: 0.9, learnt: false },
    { probability: 0.9, credit: 0.9, learnt: false },
  ];
  const votes = new ClusterVotes(3, 3);
  const labels = [
    // Cluster 0 is of class 0 but for two that say 1.
    ...[0, 1, 2, 3, 4, 5].map((i) => ({ id: `a${i}`, label: 0, predicted: 0, ...sure, cluster: 0 })),
    { id: 'typo', label: 1, predicted: 0, credit: 0.01, ...own, cluster: 0 },
    { id: 'rim', label: 1, predicted: 1, credit: 0.9, ...own, cluster: 0 },
    { id: 'doubt', label: 1, predicted: 2, credit: 0.3, ...own, cluster: 0 },
    // Cluster 1 is labelled by one image alone, cluster 2 is mixed.
    { id: 'alone', label: 1, predicted: 0, credit: 0, ...own, cluster: 1 },
    { id: 'one', label: 1, predicted: 0, credit: 0, ...own, cluster: 2 },
    ...['two', 'three'].map((id) => ({ id, label: 2, predicted: 2, credit: 1, ...own, cluster: 2 })),
    { id: 'four', label: 0, predicted: 0, credit: 1, ...own, cluster: 2 },
  ];
  for (const { cluster, label } of labels) votes.person(cluster, label);

  it('are labels that model and cluster deny, the least credible first', () => {
    const found = suspectsOf(labels, votes);
    assert.deepEqual(
      found.map(({ id }) => id),
      ['typo', 'doubt'],
      'neither one that the model confirms, nor one in a mixed cluster, nor one that nobody else testifies about',
    );
    // Without its own vote cluster 0 has 6 labels of class 0 and 2 of class 1.
    const share = (2 + 0.5 / 3) / 8.5;
    assert.ok(Math.abs((found[0]?.denial.credibility as number) - 0.01 * share) < 1e-12);
    assert.ok(Math.abs((found[0]?.denial.share as number) - (6 + 0.5 / 3) / 8.5) < 1e-12);
  });

  it('a label that its own vote made its cluster’s is denied once the others are counted alone', () => {
    const tipped = new ClusterVotes(1, 2);
    const three = [
      { id: 'x', label: 1, predicted: 0, credit: 0.1, ...own, cluster: 0 },
      { id: 'y', label: 0, predicted: 0, credit: 0.9, ...own, cluster: 0 },
    ];
    for (const { label } of three) tipped.person(0, label);
    assert.equal(tipped.posterior(0).label, -1);
    assert.deepEqual(
      suspectsOf(three, tipped).map(({ id }) => id),
      ['x'],
    );
  });

  it('a model that was trained on the label is asked about the images around it', () => {
    const around = new ClusterVotes(2, 3);
    const learnt = (id: string, label: number, cluster: number) => ({
      ...{ id, label, predicted: label, probability: 1, credit: 1, cluster, learnt: true },
    });
    const labels = [
      ...['a', 'b', 'c', 'd'].map((id) => learnt(id, 0, 0)),
      learnt('wrong', 1, 0),
      ...['e', 'f', 'g', 'h'].map((id) => learnt(id, 2, 1)),
      learnt('unheard', 0, 1),
    ];
    for (const { cluster, label } of labels) around.person(cluster, label);
    for (const label of [0, 0, 0, 1]) around.teacher(0, label);
    const found = suspectsOf(labels, around);
    assert.deepEqual(
      found.map(({ id }) => id),
      ['wrong'],
      'the model is sure of no image in cluster 1',
    );
    assert.deepEqual([found[0]?.denial.predicted, found[0]?.denial.probability], [0, 0.75]);
    assert.deepEqual(
      suspectsOf(
        labels.map((each) => ({ ...each, learnt: false })),
        around,
      ),
      [],
      'of the image itself it repeats the label',
    );
  });
});
