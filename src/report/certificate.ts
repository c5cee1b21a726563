import type { RunView } from '../contracts/run.js';
import { count, percent } from './format.js';
import { html } from './html.js';
import type { Markup } from './html.js';

/** Whether hidden labels answered an audit for people: whatever shows its outcome says so. */
export const truthAnswered = ({ audit, certificate }: RunView): boolean =>
  certificate?.panel.answersFrom === 'truth' || (audit !== null && audit.settings.answers !== 'people');

/** What people certified, in the certificate's own words; or how far the audit is. Nothing for a run without one. */
export function certificateSection(view: RunView): Markup | null {
  const { audit, certificate } = view;
  if (audit === null && certificate === null) return null;
  const judged = audit?.judgement;
  return html`<section>
    <h2>${certificate ? 'Certificate, grade\u00a0A' : 'Audit'}</h2>
    ${certificate && html`<p class="lead statement certificate">${certificate.statement}</p>`}
    ${
      certificate &&
      html`<p>
        Issued ${certificate.issuedAt}; ${count(certificate.corrected)} mistakes that were found among these labels are
        corrected. Check it: <code>labelloop certificate export ${view.run} --out DIR</code>, then
        <code>node DIR/verify.mjs DIR</code>.
      </p>`
    }
    ${(view.earlierCertificates ?? []).map(
      (one) => html`<p class="statement certificate">Of audit ${one.audit}: ${one.statement}</p>`,
    )}
    ${audit && html`<p>${certificate ? audit.words.replace(certificate.statement, '').trim() : audit.words}</p>`}
    ${
      judged &&
      html`<div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Surest labels</th>
              <th>Audited</th>
              <th>Wrong</th>
              <th>Outcome</th>
            </tr>
          </thead>
          <tbody>
            ${judged.cuts.map(
              ({ size, audited, wrong, status }) =>
                html`<tr>
                  <td class="text">${count(size)}</td>
                  <td>${count(audited)}</td>
                  <td>${count(wrong)}</td>
                  <td>${status}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`
    }
    ${
      audit?.outlook &&
      html`<p class="soft">
        Of people: ${count(audit.seen)} answers; ${count(audit.outlook.expected)} were expected,
        ${count(audit.outlook.percentile90)} in nine of ten cases, with a chance of ${percent(audit.outlook.success)}
        that the budget of ${count(audit.settings.budget)} suffices.
      </p>`
    }
  </section>`;
}
