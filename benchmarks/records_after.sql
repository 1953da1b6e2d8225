-- The rooms after assessment: tracing, police, checks, notices, letters, list, and the log.

-- step: tracing_contact 3000
INSERT INTO tracing_contact (id, mail, organisation, source, age_key, found_at, needed_at, approved_at, approved_by_id)
SELECT pg_temp.uid('ct', k), 'abuse@host' || k || '.example', 'Host ' || k, 'rdap_ip', '', now() - interval '3 years',
  CASE WHEN k % 60 = 0 THEN now() - interval '3 hours' END, CASE WHEN k % 60 <> 0 THEN now() - interval '2 years' END,
  CASE WHEN k % 60 <> 0 THEN '$senior'::uuid END FROM generate_series($first, $last) AS k;

-- step: tracing_trace contents
INSERT INTO tracing_trace (id, content_id, state, host, addresses, asns, as_name, country, registrar, candidates, contact_id,
  opened_at, run, run_at, failed, confirmed_at, confirmed_by_id)
SELECT pg_temp.uid('tr', n), id, state, host, '["192.0.2.7"]', '[64500]', 'EXAMPLE-NET', CASE WHEN domestic THEN 'JP' ELSE 'NL' END,
  'A Registrar', json_build_array('abuse@host' || contact || '.example'), pg_temp.uid('ct', contact), at, 1, at, 0,
  CASE state WHEN 'confirmed' THEN told END, CASE state WHEN 'confirmed' THEN '$analyst'::uuid END
FROM content, LATERAL (SELECT CASE WHEN n % 700 = 0 THEN 'disputed' WHEN illegal THEN 'confirmed' ELSE 'traced' END AS state) AS a
WHERE fate <> 'tracing' AND n BETWEEN $first AND $last;

-- step: tracing_vote contents
INSERT INTO tracing_vote (trace_id, run, method, subject, outcome, at, registry, data)
SELECT pg_temp.uid('tr', n), 1, method, host, 'found', at, 'a registry', json_build_object('country', 'NL', 'asn', 64500)
FROM content, unnest(ARRAY['dns', 'rdap_ip', 'route', 'rdap_domain', 'abusix']) AS method
WHERE fate <> 'tracing' AND n BETWEEN $first AND $last;

-- step: tracing_hostaddress 60000
INSERT INTO tracing_hostaddress (ip, host, seen_at)
SELECT ('198.51.' || k % 90 || '.' || k % 250)::inet, 'h' || k || '.example', now() FROM generate_series($first, $last) AS k;

-- step: referral_policy 1
INSERT INTO referral_policy (id, jurisdiction, version, kind, silence_hours, longest_hold_days, channel, organisation_id,
  notification_mail, duty_mail, duty_phone, supervisors, set_at)
SELECT pg_temp.uid('po', 1), 'JP', 1 + coalesce(max(version), 0), 'silent_consent', 48, 30, 'desk', NULL, 'desk@police.example',
  'duty@police.example', '', '[]', now() - interval '3 years' FROM referral_policy;

-- step: referral_referral contents
INSERT INTO referral_referral (id, content_id, policy_id, kind, state, urgent, opened_at, queued_at, sent_at, delivered_at,
  delivered_by, officer, acknowledged_at, reference, alerted, cleared_at, feedback, case_no)
SELECT pg_temp.uid('rf', n), id, pg_temp.uid('po', 1), 'silent_consent', state, n % 4000 = 0, told - interval '3 days',
  told - interval '3 days', CASE WHEN state <> 'queued' THEN told - interval '3 days' END, CASE WHEN given THEN told - interval '2 days' END,
  CASE WHEN given THEN 'desk' ELSE '' END, CASE WHEN given THEN 'Officer ' || n % 40 ELSE '' END,
  CASE WHEN state = 'acknowledged' THEN told - interval '1 day' END, '', 0,
  CASE WHEN state IN ('no_objection', 'feedback', 'released') THEN told END, CASE state WHEN 'feedback' THEN 'known' ELSE '' END, ''
FROM content, LATERAL (SELECT CASE WHEN n > $contents * 0.9605 THEN 'queued' WHEN n > $contents * 0.96 THEN 'sent'
  WHEN n > $contents * 0.958 THEN CASE WHEN n % 7 = 0 THEN 'hold_requested' ELSE 'delivered' END WHEN n > $contents * 0.956 THEN 'acknowledged'
  WHEN n % 10 = 0 THEN 'feedback' WHEN n % 20 = 1 THEN 'released' ELSE 'no_objection' END AS state) AS a,
LATERAL (SELECT state NOT IN ('queued', 'sent') AS given) AS b WHERE illegal AND n BETWEEN $first AND $last;

-- step: referral_step contents
INSERT INTO referral_step (referral_id, at, kind, number, actor_kind, actor_id)
SELECT pg_temp.uid('rf', n), told - back, kind, NULL, 'system', NULL
FROM content, LATERAL (VALUES ('opened', interval '3 days'), ('queued', interval '3 days'), ('sent', interval '70 hours'),
  ('delivered', interval '2 days'), ('no_objection', interval '0'), ('evidence', interval '0')) AS s(kind, back)
WHERE illegal AND n BETWEEN $first AND $last;

-- step: referral_hold contents
INSERT INTO referral_hold (id, referral_id, asked_at, asked_by, until, data_key, sealed_reason, late, ended_at, ended_how)
SELECT pg_temp.uid('ho', n), pg_temp.uid('rf', n), told - interval '2 days', '$police', told + interval '12 days',
  pg_temp.uid('k', n), pg_temp.noise(n, 'n'), false, CASE WHEN NOT held THEN told + interval '10 days' END,
  CASE WHEN held THEN '' ELSE 'released' END
FROM content, LATERAL (SELECT n % 7 = 0 AND n > $contents * 0.958 AND n <= $contents * 0.96 AS held) AS a
WHERE illegal AND (held OR n % 100 = 50) AND n BETWEEN $first AND $last;

-- step: referral_evidence contents
INSERT INTO referral_evidence (id, content_id, made_at, key_id, envelope)
SELECT pg_temp.uid('ev', n), id, told, repeat('0', 64), json_build_object('payload', repeat(md5(n::text), 16), 'signatures', '[]')::text
FROM content WHERE illegal AND n BETWEEN $first AND $last;

-- step: referral_preservation contents
INSERT INTO referral_preservation (id, content_id, contact_id, requested_at, until, held_back)
SELECT pg_temp.uid('pr', n), id, pg_temp.uid('ct', contact), told, told + interval '30 days', false
FROM content WHERE illegal AND n % 5 = 0 AND n BETWEEN $first AND $last;

-- step: checks_watch contents
INSERT INTO checks_watch (content_id, state, since, asked_at, last_at, last_result, negatives, first_negative_at, gone_at)
SELECT id, CASE WHEN NOT gone THEN 'watching' WHEN gone_at > now() - interval '120 days' THEN 'gone' ELSE 'ended' END, at, NULL,
  coalesce(gone_at, now() - interval '12 hours' * pg_temp.r(n, 9)), CASE WHEN gone THEN 'gone_4xx'
  WHEN n % 40 = 0 THEN 'blocked_or_challenged' ELSE 'online_same' END, CASE WHEN gone THEN 3 ELSE 0 END,
  CASE WHEN gone THEN gone_at - interval '1 day' END, gone_at
FROM content WHERE illegal AND n BETWEEN $first AND $last;

-- step: checks_check contents
INSERT INTO checks_check (id, content_id, at, result, vantage, status, fingerprint, media, note)
SELECT pg_temp.uid('ch' || k, n), id, coalesce(gone_at, now() - interval '1 hour') - interval '20 hours' * (6 - k),
  CASE WHEN gone AND k > 3 THEN 'gone_4xx' ELSE 'online_same' END, '1', CASE WHEN gone AND k > 3 THEN 404 ELSE 200 END,
  pg_temp.noise(n, 'o'), 'page', ''
FROM content, generate_series(1, 6) AS k WHERE illegal AND n BETWEEN $first AND $last;

-- step: takedown_removal contents
INSERT INTO takedown_removal (content_id, state, wanted_at, looked_at, level, steps, domestic, first_told_at, too_slow_at,
  exhausted_at, gone_at)
SELECT id, CASE WHEN gone THEN 'gone' WHEN n > $contents * 0.955 THEN 'wanted' ELSE 'noticed' END, at + interval '1 day', told,
  'hoster', 1, domestic, CASE WHEN gone OR n <= $contents * 0.955 THEN told END,
  CASE WHEN NOT gone AND n <= $contents * 0.94 THEN told + interval '7 days' END, NULL, gone_at
FROM content WHERE illegal AND n BETWEEN $first AND $last;

-- step: items 1
-- a notice for each contact and quarter, and one open notice that has all a contact has not removed
CREATE TEMP TABLE items AS SELECT n, id, contact, quarter, told, gone_at, domestic,
  row_number() OVER (PARTITION BY contact, quarter ORDER BY n) AS number
FROM (SELECT *, CASE WHEN gone THEN floor(extract(epoch FROM told) / 7776000)::int ELSE 9999 END AS quarter
  FROM content WHERE illegal AND n <= $contents * 0.955) AS x;

-- step: takedown_notice 1
INSERT INTO takedown_notice (id, contact_id, level, state, domestic, opened_at, delivered_at, last_letter_at, reminders,
  item_count, page_stale, finished_at)
SELECT pg_temp.uid('no', contact * 10000 + quarter), pg_temp.uid('ct', contact), 'hoster',
  CASE WHEN quarter <> 9999 THEN 'verified_removed' WHEN contact % 5 = 0 THEN 'disputed' WHEN contact % 5 = 1 THEN 'acknowledged'
  WHEN contact % 5 = 2 THEN 'delivered' ELSE 'overdue' END, bool_and(domestic), min(told), min(told), max(told), 2, max(number), false,
  CASE WHEN quarter <> 9999 THEN greatest(max(gone_at), min(told)) END
FROM items GROUP BY contact, quarter;

-- step: takedown_noticeitem 1
INSERT INTO takedown_noticeitem (id, notice_id, content_id, number, state, urgent, joined_at, obstacle, findings, told_in,
  told_at, ended_at)
SELECT pg_temp.uid('ni', n), pg_temp.uid('no', contact * 10000 + quarter), id, number,
  CASE WHEN quarter = 9999 THEN 'told' ELSE 'removed' END, false, told, '', '{"verdict": "NATIONAL", "law_codes": ["JP-7-6"]}', 1,
  told, gone_at FROM items;

-- step: letters_letter 1
INSERT INTO letters_letter (id, key, kind, "to", subject, body, attachment_name, attachment_type, state, attempts, answer,
  queued_at, tried_at, handed_at)
SELECT pg_temp.uid('le' || k, ('x' || substr(md5(id::text), 1, 15))::bit(60)::bigint), 'notice:' || id || ':' || k, 'takedown.notice',
  'abuse@host.example', 'Notice N-' || left(id::text, 8), repeat('A line of the notice. ', 30), '', '',
  CASE left(id::text, 3) WHEN 'abc' THEN 'bounced' WHEN 'abd' THEN 'uncertain' ELSE 'handed' END, 1, '250 2.0.0 taken', at, at, at
FROM takedown_notice, generate_series(1, 3) AS k, LATERAL (SELECT opened_at + interval '1 day' * k AS at) AS a;

-- step: takedown_noticeletter 1
INSERT INTO takedown_noticeletter (notice_id, n, kind, letter_id, posted_at, page_until, page_digest)
SELECT id, k, CASE k WHEN 1 THEN 'first' ELSE 'reminder' END,
  pg_temp.uid('le' || k, ('x' || substr(md5(id::text), 1, 15))::bit(60)::bigint), opened_at, opened_at + interval '30 days',
  md5(id::text || k) || md5(k || id::text) FROM takedown_notice, generate_series(1, 3) AS k;

-- step: takedown_hosteranswer 1
INSERT INTO takedown_hosteranswer (id, token_digest, kind, items, at, notice_id, processed_at, settled_at, problem)
SELECT md5('an' || id)::uuid, md5(id::text) || md5(id::text), CASE WHEN finished_at IS NULL AND state = 'disputed' THEN 'dispute' ELSE 'acknowledge' END,
  '[]', opened_at + interval '5 hours', id, opened_at + interval '5 hours',
  CASE WHEN state <> 'disputed' OR left(id::text, 1) > '2' THEN opened_at + interval '1 day' END, '' FROM takedown_notice;

-- step: takedown_step contents
INSERT INTO takedown_step (content_id, level, reason, at, reference)
SELECT id, 'hoster', 'clock', told, '' FROM content WHERE illegal AND n BETWEEN $first AND $last;

-- step: takedown_ledgerentry 2000
INSERT INTO takedown_ledgerentry (id, kind, contact_id, reference, at, by_id)
SELECT pg_temp.uid('lg', n), CASE WHEN n % 9 = 0 THEN 'recommendation' ELSE 'warning' END, pg_temp.uid('ct', 1 + n % 3000), '',
  now() - interval '12 hours' * n, '$senior' FROM generate_series($first, $last) AS n;

-- step: listing_signingkey 1
INSERT INTO listing_signingkey (id, person_id, public_key, registered_at, confirmed_by_id, confirmed_at)
SELECT encode(pg_temp.noise(k, 'p'), 'hex'), person, pg_temp.noise(k, 'q'), now() - interval '3 years', other, now() - interval '3 years'
FROM (VALUES (1, '$reviewer'::uuid, '$approver'::uuid), (2, '$approver'::uuid, '$reviewer'::uuid)) AS v(k, person, other);

-- step: listing_candidate contents
INSERT INTO listing_candidate (content_id, why, since, closed_at)
SELECT id, 'too_slow', told, CASE WHEN gone OR n % 7 <> 0 THEN least(now(), told + interval '9 days') END
FROM content WHERE illegal AND (n % 10 = 4 OR NOT gone) AND n BETWEEN $first AND $last;

-- step: listing_entry contents
INSERT INTO listing_entry (id, content_id, method, target, target_digest, reason, answers, stated_at, expires_on, state,
  proposer_id, proposed_at, activator_id, activated_at, review_reason, ended_at, "end", refused, far, listed, ending_told,
  yields)
SELECT pg_temp.uid('en', n), id, method, target, encode(sha256(target::bytea), 'hex'), 'removal_too_slow',
  '{"no_other_means": {"yes": true, "reason": "Tried for seven days."}}', told, (now() + interval '60 days')::date,
  CASE WHEN gone THEN 'removed' WHEN n % 100 = 4 THEN 'pending_activation' ELSE 'active' END, '$reviewer', told,
  CASE WHEN gone OR n % 100 <> 4 THEN '$approver'::uuid END, CASE WHEN gone OR n % 100 <> 4 THEN told END, '',
  CASE WHEN gone THEN gone_at END, CASE WHEN gone THEN 'content_gone' ELSE '' END, '[]', '[]',
  NOT gone AND n % 100 <> 4, gone, false
FROM content, LATERAL (SELECT CASE WHEN n % 4 = 0 THEN 'dns' ELSE 'url' END AS method) AS a,
LATERAL (SELECT CASE method WHEN 'dns' THEN 'n' || n || '.' || host ELSE url END AS target) AS b
WHERE illegal AND n % 10 = 4 AND n BETWEEN $first AND $last;

-- step: listing_entryevent 1
INSERT INTO listing_entryevent (entry_id, at, was, now, code, actor_kind)
SELECT id, at, was, became, '', kind FROM listing_entry, LATERAL (VALUES
  (proposed_at, '', 'proposed', 'person', true), (proposed_at, 'proposed', 'pending_activation', 'person', true),
  (activated_at, 'pending_activation', 'active', 'person', activated_at IS NOT NULL),
  (ended_at, 'pending_removal', 'removed', 'system', ended_at IS NOT NULL)) AS e(at, was, became, kind, wanted) WHERE wanted;

-- step: listing_approval 1
INSERT INTO listing_approval (entry_id, step, person_id, key_id, statement, signature, at)
SELECT id, step, person, encode(pg_temp.noise(k, 'p'), 'hex'), repeat('statement ', 30), pg_temp.noise(1, 'r') || pg_temp.noise(2, 'r'), at
FROM listing_entry, LATERAL (VALUES ('propose', proposer_id, 1, proposed_at), ('activate', activator_id, 2, activated_at))
  AS a(step, person, k, at) WHERE at IS NOT NULL;

-- step: listing_appeal 2000
INSERT INTO listing_appeal (id, code, token, url, host, seal_key, text, contact, received_hour, state, matched_at, proof,
  triaged_at, decided_by_id, decided_at, decision_reason)
SELECT pg_temp.uid('ap', n), lpad(n::text, 16, '0'), md5(n::text), 'https://h' || n || '.example/', 'h' || n || '.example',
  pg_temp.uid('k', n), pg_temp.noise(n, 's'), pg_temp.noise(n, 't'), at, state, at, '', CASE state WHEN 'rejected' THEN at END,
  CASE state WHEN 'rejected' THEN '$approver'::uuid END, CASE state WHEN 'rejected' THEN at END, ''
FROM (SELECT n, date_trunc('hour', now() - interval '12 hours' * n) AS at, CASE WHEN n < 30 THEN 'received' ELSE 'rejected' END AS state
  FROM generate_series($first, $last) AS n) AS x;

-- step: distribution_edition 8000
INSERT INTO distribution_edition (id, version, state, digest, names, urls, added, removed, refusals, built_at, published_at, base, base_of, rules)
SELECT pg_temp.uid('ed', n), n, CASE WHEN n % 50 = 0 THEN 'refused' ELSE 'published' END, md5(n::text) || md5('e' || n), 900, 2600, 2, 1,
  CASE WHEN n % 50 = 0 THEN '[{"code": "public_suffix", "params": {}, "message": "A public suffix.", "remedy": "Narrow it."}]'::jsonb
  ELSE '[]' END, at, CASE WHEN n % 50 <> 0 THEN at END, 0, 0, ''
FROM (SELECT n, now() - interval '3 hours' * (8001 - n) AS at FROM generate_series($first, $last) AS n) AS x;

-- step: distribution_editionchange 1
INSERT INTO distribution_editionchange (edition_id, entry_id, change, method, target, since)
SELECT pg_temp.uid('ed', 1 + (('x' || substr(md5(id::text), 1, 8))::bit(32)::bigint % 8000)), id, change, method, target, at
FROM listing_entry, LATERAL (VALUES ('added', activated_at), ('removed', ended_at)) AS c(change, at) WHERE at IS NOT NULL;

-- step: distribution_probe 1
INSERT INTO distribution_probe (edition_id, entry_id, resolver, outside, blocked, seconds, at)
SELECT edition_id, entry_id, resolver, false, true, 0.4, since FROM distribution_editionchange, unnest(ARRAY['unbound', 'bind']) AS resolver
WHERE change = 'added';

-- step: accounts_organisation 60
INSERT INTO accounts_organisation (id, name, kind) SELECT pg_temp.uid('or', n), 'Provider ' || n, 'provider' FROM generate_series($first, $last) AS n;

-- step: distribution_subscriber 60
INSERT INTO distribution_subscriber (id, organisation_id, delivery, notify, generation, state, added_at, applied_at, resolvers)
SELECT pg_temp.uid('su', n), pg_temp.uid('or', n), 'nxdomain', '', 1, 'active', now() - interval '1 year', now() - interval '1 year', '[]'
FROM generate_series($first, $last) AS n;

-- step: accounts_user 60
INSERT INTO accounts_user (id, password, email, name, is_active, created_at)
SELECT pg_temp.uid('us', n), '!', 'member' || n || '@mamori.example', 'Member ' || n, true, now() - interval '1 year'
FROM generate_series($first, $last) AS n;

-- step: accounts_membership 60
INSERT INTO accounts_membership (role, user_id, organisation_id)
SELECT 'analyst', pg_temp.uid('us', n), (SELECT id FROM accounts_organisation WHERE kind = 'hotline' LIMIT 1)
FROM generate_series($first, $last) AS n;

-- step: accounts_invitation 400
INSERT INTO accounts_invitation (id, digest, email, organisation_id, role, renews_id, invited_by_id, invited_at, expires_at,
  accepted_at, withdrawn_at)
SELECT pg_temp.uid('iv', n), md5('iv' || n) || md5('iw' || n), 'new' || n || '@mamori.example', (SELECT id FROM accounts_organisation
  WHERE kind = 'hotline' LIMIT 1), 'analyst', NULL, '$senior', now() - interval '6 hours' * n, now() + interval '7 days' - interval '6 hours' * n,
  CASE WHEN n % 3 = 0 THEN now() - interval '6 hours' * (n - 1) END, NULL FROM generate_series($first, $last) AS n;

-- step: accounts_token 60
INSERT INTO accounts_token (id, digest, organisation_id, title, scopes, created_at, revoked_at)
SELECT pg_temp.uid('tk', n), md5('tk' || n) || md5('tl' || n), pg_temp.uid('or', n), 'Machine ' || n, '["reports:write"]',
  now() - interval '1 year', CASE WHEN n % 5 = 0 THEN now() - interval '1 month' END FROM generate_series($first, $last) AS n;

-- step: audit_event reports
INSERT INTO audit_event (at, event, actor_kind, actor_id, organisation_id, subject_type, subject_id, codes)
SELECT hour + back, event, kind, CASE kind WHEN 'person' THEN '$analyst'::uuid END, NULL, type, subject::text, codes::jsonb
FROM told, LATERAL (VALUES ('intake.received', 'system', interval '0', 'intake.report', id, '{"source": "public"}', true),
  ('intake.screened', 'system', interval '70 minutes', 'intake.report', id, '{"now": "screened", "was": "received"}', true),
  ('assessment.decided', 'person', interval '5 hours', 'assessment.contentitem', pg_temp.uid('c', m), '{"position": 1}', m <= $contents))
  AS e(event, kind, back, type, subject, codes, wanted) WHERE wanted AND m BETWEEN $first AND $last;
