import { parseArgs } from 'node:util';
import { answersTables } from './audit-answers.js';
import { plannerTable } from './audit-planner.js';
import { validityTable } from './audit-validity.js';
import { writeTable } from './table.js';

/*
 * Proofs of the audit's statistics by simulation, into docs/benchmarks.md:
 *
 *     node dist/bench/audit.js --section validity|answers|planner [--print]
 */
const sections: Record<string, () => { name: string; content: string }[]> = {
  validity: () => [{ name: 'audit-validity', content: validityTable(2000) }],
  answers: answersTables,
  planner: () => [{ name: 'audit-planner', content: plannerTable() }],
};

function main(): void {
  const { values } = parseArgs({
    options: { section: { type: 'string' }, print: { type: 'boolean', default: false } },
  });
  const section = sections[values.section ?? ''];
  if (section === undefined) {
    console.error(`--section is one of ${Object.keys(sections).join(', ')}`);
    process.exit(2);
  }
  for (const { name, content } of section()) {
    console.log(content);
    if (!values.print) writeTable(name, content);
  }
}

if (process.argv[1] === import.meta.filename) main();
