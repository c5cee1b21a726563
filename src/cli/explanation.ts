import { pairs, table } from './format.js';
import type { Explanation, RoundExplanation } from '../contracts/explanation.js';
import type { Column } from './format.js';

const NONE = '-';
const right = (title: string): Column => ({ title, align: 'right' });

/** Digits of a digest that tell models apart on a screen. */
const DIGEST = 12;

const number = (value: number | null): string => (value === null ? NONE : value.toFixed(4));
/** A cut-off below every score accepts nothing. */
const cutoff = (value: number): string => (value < 0 ? 'none' : value > 1e30 ? 'all' : value.toFixed(4));

/** An explanation for people: what is in force, then a row a round, then a row an answer. */
export function explanationLines(explanation: Explanation, width?: number): string[] {
  const { rounds, answers } = explanation;
  return [
    ...pairs([
      ['image', `${explanation.name} (${explanation.id})`],
      ['label', inForce(explanation)],
      ['certificate', explanation.certificate || 'none'],
      ...(explanation.statement === null ? [] : ([['', explanation.statement]] as const)),
    ]),
    '',
    ...table(
      roundColumns.map(([column]) => column),
      rounds.map((round) => roundColumns.map(([, cell]) => cell(round))),
      width,
    ),
    ...scoreLines(rounds.at(-1)),
    '',
    ...(answers.length === 0
      ? ['Nobody was asked about it.']
      : table(
          [{ title: 'answer' }, { title: 'by' }, { title: 'at' }, right('seconds'), { title: 'use' }, right('audit')],
          answers.map(({ answer, by, at, seconds, use, audit }) => [
            answer,
            by,
            at,
            seconds.toFixed(1),
            use,
            audit === null ? NONE : String(audit),
          ]),
        )),
  ];
}

function inForce({ status, label, source, rounds }: Explanation): string {
  if (label === null) return status === 'outlier' ? 'none: an outlier, left for people' : 'none: left for people';
  const given = rounds.at(-1)?.given;
  const since =
    source === 'human' || !given ? '' : `, first given in round ${given.round} by model ${short(given.model)}`;
  return `${label} (${source === 'human' ? 'a person' : 'the model'}${since})`;
}

const short = (digest: string): string => digest.slice(0, DIGEST);

const roundColumns: [Column, (round: RoundExplanation) => string][] = [
  [right('round'), ({ round }) => String(round)],
  [{ title: 'decision' }, ({ decision }) => (decision === 'none' ? NONE : decision)],
  [{ title: 'label' }, ({ label, status }) => label ?? (status === 'outlier' ? 'outlier' : NONE)],
  [{ title: 'likeliest' }, ({ predicted }) => predicted],
  [right('probability'), ({ probability }) => number(probability)],
  [right('entropy'), ({ uncertainty }) => number(uncertainty.predictiveEntropy)],
  [right('aleatoric'), ({ uncertainty }) => number(uncertainty.aleatoric)],
  [right('epistemic'), ({ uncertainty }) => number(uncertainty.epistemic)],
  [right('score'), ({ score }) => number(score?.value ?? null)],
  [right('cut-off'), ({ threshold }) => cutoff(threshold)],
  [right('cluster'), ({ cluster }) => String(cluster)],
  [right('passes'), ({ passes }) => (passes === null ? NONE : String(passes))],
  [{ title: 'model' }, ({ model }) => short(model)],
];

function scoreLines(last: RoundExplanation | undefined): string[] {
  if (!last) return [];
  const others = last.classes.map(({ class: name, probability }) => `${name} ${probability.toFixed(3)}`).join(', ');
  return [
    ...(last.score
      ? [`The score is ${last.score.name}; at or below its cut-off, and no outlier, an image is labelled.`]
      : []),
    ...(others === '' ? [] : [`Mean softmax of the last round: ${others}.`]),
  ];
}
