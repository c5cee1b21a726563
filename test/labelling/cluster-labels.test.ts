import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ClusterVotes,
  isConfident,
  labelPosterior,
  LEAST_SHARE,
  PRIOR_MASS,
  TEACHER_LEVEL,
} from '../../src/labelling/cluster-labels.js';

const none = (classes: number): number[] => new Array<number>(classes).fill(0);
const given = (classes: number, labels: Record<number, number>): number[] =>
  none(classes).map((_, c) => labels[c] ?? 0);
const near = (got: number, expected: number, what?: string): void =>
  assert.ok(Math.abs(got - expected) < 1e-12, `${what ?? 'got'} ${got}, expected ${expected}`);

describe('labels of clusters', () => {
  it('are open before anybody has looked: every share is as large as any other', () => {
    const { label, probability, shares } = labelPosterior(none(10), none(10));
    assert.equal(label, -1);
    near(probability, 0.1);
    for (const share of shares) near(share, 0.1);
  });

  it('follow the Dirichlet posterior: (mass / C + n_c) / (mass + n)', () => {
    const one = labelPosterior(given(10, { 3: 1 }), none(10));
    near(one.probability, 1.05 / 1.5);
    assert.equal(one.label, 3, 'one answer labels a cluster that nothing else is known of');
    const contradicted = labelPosterior(given(10, { 3: 2, 5: 1 }), none(10));
    near(contradicted.probability, 2.05 / 3.5);
    assert.equal(contradicted.label, -1, 'two against one is mixed');
    const outvoted = labelPosterior(given(10, { 3: 3, 5: 1 }), none(10));
    near(outvoted.probability, 3.05 / 4.5);
    near(outvoted.shares[5] as number, 1.05 / 4.5);
    assert.equal(outvoted.label, 3);
  });

  it('are no bare majority: of which hardly more than half are of a class stays mixed, however many are labelled', () => {
    const { label, probability } = labelPosterior(given(10, { 0: 550, 1: 450 }), none(10));
    near(probability, 550.05 / 1000.5);
    assert.equal(label, -1);
  });

  it('count the teacher a tenth each, and all its labels together as one person', () => {
    near(labelPosterior(none(10), given(10, { 2: 4 })).probability, 0.45 / 0.9);
    assert.equal(labelPosterior(none(10), given(10, { 2: 4 })).label, -1);
    near(labelPosterior(none(10), given(10, { 2: 1000 })).probability, 1.05 / 1.5);
    near(labelPosterior(none(10), given(10, { 2: 600, 4: 400 })).probability, 0.65 / 1.5);
    const denied = labelPosterior(given(10, { 7: 1 }), given(10, { 2: 1000 }));
    assert.equal(denied.label, -1, 'one person opens what the teacher labelled');
  });

  it('have a prior by which two images of a cluster are of one class with 70 % where there are ten', () => {
    const second = labelPosterior(given(10, { 0: 1 }), none(10)).shares[0] as number;
    near(
      second,
      (1 + PRIOR_MASS / 10) / (1 + PRIOR_MASS),
      'the chance that the second image is of the class of the first',
    );
    near(second, 0.7);
  });

  const counts = fc.integer({ min: 2, max: 12 }).chain((classes) =>
    fc.record({
      people: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: classes, maxLength: classes }),
      teachers: fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: classes, maxLength: classes }),
    }),
  );

  it('have shares that sum to 1, and one more label of a class never lowers its share', () => {
    fc.assert(
      fc.property(counts, fc.nat(), ({ people, teachers }, at) => {
        const c = at % people.length;
        const before = labelPosterior(people, teachers);
        near(
          before.shares.reduce((sum, share) => sum + share, 0),
          1,
        );
        assert.equal(before.label >= 0, before.probability >= LEAST_SHARE - 1e-9);
        const after = labelPosterior(
          people.map((n, i) => n + (i === c ? 1 : 0)),
          teachers,
        );
        assert.ok((after.shares[c] as number) >= (before.shares[c] as number) - 1e-12);
      }),
    );
  });

  it('are what three people of one mind say, whatever the teacher says and however often', () => {
    fc.assert(
      fc.property(counts, fc.nat(), ({ teachers }, at) => {
        const c = at % teachers.length;
        const three = labelPosterior(given(teachers.length, { [c]: 3 }), teachers);
        assert.equal(three.label, c);
        const { label } = labelPosterior(given(teachers.length, { [c]: 1 }), teachers);
        assert.ok(label === c || label === -1, 'and one is never overruled');
      }),
    );
  });

  it('leave an image out as if it had never been labelled', () => {
    const votes = new ClusterVotes(3, 4);
    for (const label of [0, 0, 1, 2]) votes.person(1, label);
    votes.teacher(1, 3);
    assert.deepEqual(votes.posteriorWithout(1, 2), labelPosterior([2, 1, 0, 0], [0, 0, 0, 1]));
    assert.deepEqual(votes.posterior(1), labelPosterior([2, 1, 1, 0], [0, 0, 0, 1]));
    assert.deepEqual(votes.posterior(2), labelPosterior(none(4), none(4)), 'clusters do not mix');
    assert.throws(() => votes.posteriorWithout(1, 3), /has no label of class 3/);
    assert.throws(() => votes.person(3, 0), { code: 'SHAPE_MISMATCH' });
    assert.throws(() => labelPosterior([1], [1, 2]), { code: 'SHAPE_MISMATCH' });
  });

  it('take no teacher that is less than confident', () => {
    assert.ok(isConfident(TEACHER_LEVEL));
    assert.ok(!isConfident(0.89));
  });
});
