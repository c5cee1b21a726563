import { count, pairs, percent, plural } from './format.js';
import type { RunView } from '../contracts/run.js';

type Shown = NonNullable<RunView['audit']>;

const PHASES: Record<Shown['phase'], string> = {
  freeze: 'labels are frozen, the audit is planned',
  nonce: 'committed; waits for the nonce',
  repair: 'people check the riskiest labels',
  audit: 'people check the sample',
  certify: 'the certificate is made',
  done: 'over',
};

/** An audit as `audit show` prints it, and `run show` within its own. */
export function auditLines(state: Shown): string[] {
  const { settings, outlook, judgement } = state;
  // Not yet checked, so not complete.
  const asked =
    state.phase === 'freeze'
      ? []
      : [
          [
            'For',
            `at most ${percent(settings.epsilon)}${settings.class === undefined ? '' : ` of class ${settings.class}`} wrong, ${percent(settings.confidence)} confidence`,
          ] as const,
        ];
  return pairs([
    [
      'Audit',
      `${state.audit}: ${PHASES[state.phase]}${settings.answers === 'people' ? '' : ' (dry run: hidden labels answer)'}`,
    ],
    ...asked,
    ...(outlook
      ? ([
          [
            'Answers',
            `${count(outlook.expected)} expected, ${count(outlook.percentile90)} in nine of ten cases, budget ${count(settings.budget)}; ${count(state.seen)} are in`,
          ],
        ] as const)
      : []),
    ...(judgement
      ? judgement.cuts.map(
          ({ size, audited, wrong, status }, i) =>
            [
              i === 0 ? 'Labels' : '',
              `${count(size)} surest: ${status}, ${plural(audited, 'label')} audited, ${count(wrong)} wrong`,
            ] as const,
        )
      : []),
    ['Now', state.words],
  ]);
}
