import assert from 'node:assert/strict';
import { complaintsOf } from '../../src/contracts/complaints.js';
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

  it('name what is missing, and input that is no settings at all', () => {
    assert.match(complaints({})[0] ?? '', /^dataset is missing \(name of an imported dataset\)\. Put 'dataset' into/);
    assert.match(complaints('hello')[0] ?? '', /^settings: must be an object, such as .*, and not 'hello'\.$/);
    assert.match(complaints(null)[0] ?? '', /not null\.$/);
  });
});
