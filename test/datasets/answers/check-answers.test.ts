import assert from 'node:assert/strict';
import type { Verdict } from '../../../src/contracts/audit.js';
import { LabelloopError } from '../../../src/contracts/errors.js';
import { checkText, labelStudioExport, NOW, readText } from './support.js';

const ids = ['a1', 'b2', 'c3'];
const header = 'id,answer,by,at,seconds';
const refused =
  (...patterns: RegExp[]) =>
  (error: unknown) => {
    assert.ok(error instanceof LabelloopError && error.code === 'AUDIT_INVALID', String(error));
    for (const pattern of patterns) assert.match(error.message, pattern);
    return true;
  };

describe('an answer file', () => {
  it('is refused whole, and names every bad row with place and mend', async () => {
    const csv = [
      header,
      'a1,whelk,ada,,',
      'b2,wehlk,ada,,',
      'zz,whelk,ada,,',
      ',whelk,ada,,',
      'c3,cowrie,ada,yesterday,',
      'c3,cowrie,ada,2026-03-05T00:00:00Z,',
      'c3,cowrie,ada,,-1',
      'c3,cowrie',
      'a1,cowrie,ada,,',
    ].join('\n');
    await assert.rejects(
      checkText(csv, 'csv', ids),
      refused(
        /^8 rows can't be taken, so nothing was taken:\n/,
        /\n {2}answers:3: 'wehlk' is no class\. Did you mean 'whelk'\? Write one of cowrie, whelk, dog, "big", unsure, none\./,
        /\n {2}answers:4: the pool of run 'shells-1' has no image 'zz'\. Copy the id/,
        /\n {2}answers:5: no image is named\./,
        /\n {2}answers:6: 'yesterday' is no time\. Write it like/,
        /\n {2}answers:7: 2026-03-05T00:00:00Z lies in the future\./,
        /\n {2}answers:8: '-1' is no number of seconds\./,
        /\n {2}answers:9: has 2 fields, and the header 5\. Correct the row\./,
        /\n {2}answers:10: 'ada' says 'whelk' of image 'a1' at answers:2\. Keep one of the two rows\.$/,
      ),
    );
  });

  it('tells the first twenty bad rows in the order of the file, and counts all', async () => {
    // Unknown images are found last, and still stand where they are in the file.
    const rows = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? `x${i},whelk,ada,,` : `a1,nope${i},ada,,`));
    await assert.rejects(checkText([header, ...rows].join('\n'), 'csv', ids), (error: unknown) => {
      const lines = (error as Error).message.split('\n');
      assert.match(lines[0] as string, /^50 rows/);
      assert.deepEqual(
        lines.slice(1, -1).map((line) => Number(/answers:(\d+):/.exec(line)?.[1])),
        Array.from({ length: 20 }, (_, i) => i + 2),
      );
      assert.equal(lines.at(-1), '  and 30 more.');
      return true;
    });
  });

  it('may not answer what is not asked for, unless such rows are to be left out', async () => {
    const only = { expectedOf: () => Promise.resolve({ wanted: new Set(['a1']), given: new Map<string, Verdict>() }) };
    const csv = `${header}\na1,whelk,ada,,\nb2,whelk,ada,,\n`;
    await assert.rejects(
      checkText(csv, 'csv', ids, only),
      refused(/^One row .*\n {2}answers:3: image 'b2' is not asked for now\. .*--skip-unwanted/),
    );
    const { answers, unwanted } = await checkText(csv, 'csv', ids, { ...only, skipUnwanted: true });
    assert.deepEqual([answers.map(({ id }) => id), unwanted], [['a1'], 1]);
    await assert.rejects(
      checkText(`${csv}zz,whelk,ada,,\n`, 'csv', ids, { ...only, skipUnwanted: true }),
      refused(/has no image 'zz'/),
    );
  });

  it('may repeat what a person has said, and not change it', async () => {
    const given = new Map<string, Verdict>([['a1', 1]]);
    const known = { expectedOf: () => Promise.resolve({ wanted: new Set(['b2']), given }) };
    const { answers, known: repeated } = await checkText(`${header}\na1,whelk,,,\nb2,none,,,\n`, 'csv', ids, known);
    assert.deepEqual([answers.map(({ verdict }) => verdict), repeated], [['none'], 1]);
    await assert.rejects(
      checkText(`${header}\na1,cowrie,,,\n`, 'csv', ids, known),
      refused(/'ada' has said 'whelk' of image 'a1' before, which was counted/),
    );
  });

  it('needs somebody: from the row, else from --by', async () => {
    const csv = 'id,answer\na1,whelk\n';
    await assert.rejects(checkText(csv, 'csv', ids, { by: undefined }), refused(/nobody is named\. .*--by NAME/));
    const { answers } = await checkText(csv, 'csv', ids);
    assert.deepEqual(answers, [{ id: 'a1', verdict: 1, by: 'ada', at: NOW.toISOString(), seconds: 0 }]);
  });

  it('asks once for each person what is wanted', async () => {
    const asked: string[] = [];
    const expectedOf = (by: string) => {
      asked.push(by);
      return Promise.resolve({ wanted: new Set(ids), given: new Map<string, Verdict>() });
    };
    const csv = `${header}\na1,whelk,ada,,\nb2,whelk,ben,,\nc3,whelk,ada,,\n`;
    assert.equal((await checkText(csv, 'csv', ids, { expectedOf })).answers.length, 3);
    assert.deepEqual(asked, ['ada', 'ben']);
  });

  it('may come from a spreadsheet: semicolons, BOM, CRLF, capitals in the header', async () => {
    const text = '\uFEFFID;Name;Answer;By;At;Seconds\r\na1;x, y;dog, "big";ada;2026-02-01 10:00:00+01:00;2.5\r\n';
    const { answers } = await checkText(text.replace('dog, "big"', '"dog, ""big"""'), 'csv', ids);
    assert.deepEqual(answers, [{ id: 'a1', verdict: 2, by: 'ada', at: '2026-02-01T09:00:00.000Z', seconds: 2.5 }]);
  });

  it('without the needed columns says which', async () => {
    await assert.rejects(
      readText('image,label\nx,y\n', 'csv'),
      refused(/no column 'id' and 'answer'; it has image, label\./),
    );
    await assert.rejects(readText('', 'csv'), refused(/is empty/));
  });

  it('with a quote that nobody closes says where', async () => {
    await assert.rejects(
      readText('id,answer\na1,"whelk\n', 'csv'),
      refused(/answers:\d+: .*[Qq]uote.*nothing was taken/),
    );
  });

  it('as JSON lines names the line that is none', async () => {
    const text = '{"id":"a1","answer":"whelk"}\n{"id":"b2"\n[1]\n{"id":"c3","answer":["whelk"]}\n';
    await assert.rejects(
      checkText(text, 'jsonl', ids),
      refused(
        /answers:2: can't be read \(/,
        /answers:3: is no JSON object/,
        /answers:4: has an 'answer' that is no text/,
      ),
    );
  });
});

describe("Label Studio's export", () => {
  const at = '2026-02-01T10:00:00.123456Z';

  it('has answers of several people, and skipped images are unsure', async () => {
    const text = labelStudioExport([
      { id: 'a1', word: 'whelk', by: 'ada@x.example', at, seconds: 2.5 },
      { id: 'a1', word: null, by: 'ben@x.example', at, seconds: 9 },
      { id: 'b2', word: 'none', by: 'ada@x.example', at, seconds: 1 },
    ]);
    const { answers } = await checkText(text, 'label-studio', ids);
    assert.deepEqual(
      answers.map(({ id, verdict, by, seconds }) => [id, verdict, by, seconds]),
      [
        ['a1', 1, 'ada@x.example', 2.5],
        ['a1', 'unsure', 'ben@x.example', 9],
        ['b2', 'none', 'ada@x.example', 1],
      ],
    );
  });

  it('may name people by number, and be flat (JSON_MIN, CSV) with an id of its own', async () => {
    const flat = { image: 'x', image_id: 'a1', id: 7, answer: 'whelk', annotator: 3, created_at: at, lead_time: 4.5 };
    const expected = [{ id: 'a1', verdict: 1, by: '3', at: '2026-02-01T10:00:00.123Z', seconds: 4.5 }];
    assert.deepEqual((await checkText(JSON.stringify([flat]), 'label-studio', ids)).answers, expected);
    const csv = `${Object.keys(flat).join()}\n${Object.values(flat).join()}\n`;
    assert.deepEqual((await checkText(csv, 'csv', ids)).answers, expected);
  });

  it('with another control than ours names the task', async () => {
    const text = labelStudioExport([{ id: 'a1', word: 'whelk', by: 'ada', at, seconds: 1 }]).replace(
      '"answer"',
      '"mood"',
    );
    await assert.rejects(checkText(text, 'label-studio', ids), refused(/answers: task 1: no choice named 'answer'/));
  });

  it('with tasks of another project names them', async () => {
    const text = labelStudioExport([{ id: 'a1', word: 'whelk', by: 'ada', at, seconds: 1 }]).replace('image_id', 'key');
    await assert.rejects(checkText(text, 'label-studio', ids), refused(/answers: task 1: no image is named/));
  });

  it('that is no array says what to export', async () => {
    await assert.rejects(readText('{"a":1}', 'label-studio'), refused(/is no JSON array of tasks .*Export 'JSON'/));
    await assert.rejects(readText('[{"a":1}', 'label-studio'), refused(/ends in the middle/));
  });
});
