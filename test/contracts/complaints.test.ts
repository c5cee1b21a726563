import assert from 'node:assert/strict';
import { complaintsOf } from '../../src/contracts/complaints.js';
import { unfitFor } from '../../src/contracts/contradictions.js';
import { presetNames, thresholdRules } from '../../src/contracts/presets.js';
import { runSettings } from '../../src/contracts/settings.js';

const complaints = (given: unknown): string[] => {
  const checked = runSettings.safeParse(given);
  assert.ok(!checked.success);
  return complaintsOf(checked.error, given);
};

describe('complaints about settings', () => {
  it('say the same to who starts a workflow as to who types flags: name, value, what it must be', () => {
    const found = complaints({ dataset: 'shells', rounds: 0, targetError: '80%', nope: 1 });
    assert.equal(found.length, 3);
    for (const sentence of [
      /^rounds 0 must be at least 1 \(rounds: /,
      /^targetError '80%' must be less than 0\.5 \(/,
      /^settings: 'nope' is no setting\. Take it out; settings are version, dataset, /,
    ])
      assert.ok(
        found.some((complaint) => sentence.test(complaint)),
        `${sentence.source} in ${found.join('\n')}`,
      );
  });

  it('say why a setting can not stand beside another', () => {
    const because = (given: object) => complaints({ dataset: 'shells', ...given }).join('\n');
    for (const [given, sentence] of [
      [{ crossFit: 5, posterior: 'ensemble' }, /^crossFit 5 has one student a fold/],
      [{ crossFit: 5, labels: 'permanent' }, /^crossFit 5 decides every label anew in the last round/],
      [{ crossFit: 1 }, /^crossFit 1 must be/],
      [{ preset: 'st', sampling: 'sequential' }, /^sampling 'sequential' needs posterior mc-dropout; softmax has no /],
      [{ sampling: 'sequential', threshold: 'top-n' }, /^sampling 'sequential' needs a cut-off that is known before /],
      [{ limit: 2 }, /^limit 2 has no use: threshold target-error has no number of its own \(limit: /],
      [{ threshold: 'probability', limit: 1 }, /^limit 1 must be less than 1, /],
      [{ threshold: 'top-n', limit: 2.5 }, /^limit 2\.5 must be a whole number, /],
      [
        { threshold: 'ups', score: 'aleatoric' },
        /^score 'aleatoric' is not what threshold ups compares, which is ups /,
      ],
      [
        { preset: 'st', score: 'variation-ratio' },
        /^score 'variation-ratio' compares passes, of which posterior softmax/,
      ],
      [{ preset: 'st', threshold: 'ups' }, /^threshold 'ups' compares passes, of which posterior softmax takes one /],
      [
        { certify: { epsilon: 0.02, instrument: 'looks', drawing: 'uncertainty' } },
        /^certify\.drawing 'uncertainty' needs instrument betting, or auto: looks are exact for drawing 'uniform' alone /,
      ],
      [{ threshold: 'iqr', classwise: true }, /^classwise true needs threshold target-error; iqr has one cut-off /],
    ] as const)
      assert.match(because(given), sentence);
  });

  it('are none about settings that a preset filled in, nor about the same numbers for every preset', () => {
    for (const preset of presetNames)
      for (const threshold of [undefined, ...thresholdRules.filter((rule) => rule !== 'ups')]) {
        const filled = runSettings.parse({ dataset: 'shells', preset, threshold, passes: 5, members: 2 });
        assert.deepEqual(runSettings.parse(filled), filled);
      }
  });

  it('name the images that a network can not take', () => {
    const square = (side: number) => ({ height: side, width: side, channels: 3 as const });
    assert.match(
      unfitFor('densenet', square(96)) ?? '',
      /^network 'densenet' takes images of up to 64 x 64 pixels, .* not 96 x 96$/,
    );
    assert.equal(unfitFor('densenet', square(64)), null);
    for (const network of ['compact', 'resnet'] as const) assert.equal(unfitFor(network, square(512)), null);
  });

  it('name what is missing, and input that is no settings at all', () => {
    assert.match(complaints({})[0] ?? '', /^dataset is missing \(name of an imported dataset\)\. Put 'dataset' into/);
    assert.match(complaints('hello')[0] ?? '', /^settings: must be an object, such as .*, and not 'hello'\.$/);
    assert.match(complaints(null)[0] ?? '', /not null\.$/);
  });
});
