import django.db.models.deletion
import mamori.hotline.assessment.states
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ContentItem',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('url', models.TextField()),
                ('digest', models.CharField(help_text='SHA-256 of the canonical address, hex.', max_length=64, unique=True)),
                ('host', models.CharField(max_length=253)),
                ('registrable', models.CharField(blank=True, max_length=253)),
                ('state', models.CharField(max_length=20)),
                ('reason', models.CharField(blank=True, max_length=24)),
                ('round', models.PositiveSmallIntegerField(default=1)),
                ('position', models.PositiveSmallIntegerField(default=1)),
                ('at_risk', models.BooleanField(default=False)),
                ('at_risk_reported', models.BooleanField(default=False)),
                ('patrolled', models.BooleanField(default=False)),
                ('report_count', models.PositiveIntegerField(default=0)),
                ('sources', models.PositiveIntegerField(default=0, help_text='Distinct submissions.')),
                ('last_seen_on', models.DateField(null=True)),
                ('risk_points', models.PositiveIntegerField(default=0)),
                ('risk_signs', models.JSONField(default=dict, help_text='Sign of mamori.hotline.assessment.risk: number.')),
                ('priority', models.BigIntegerField(default=0)),
                ('verdict', models.CharField(blank=True, max_length=14)),
                ('law_codes', models.JSONField(default=list)),
                ('settled_at', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField()),
                ('state_at', models.DateTimeField(help_text='Since when it is in its state.')),
            ],
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('round', models.PositiveSmallIntegerField()),
                ('position', models.PositiveSmallIntegerField()),
                ('verdict', models.CharField(max_length=14)),
                ('law_codes', models.JSONField(default=list)),
                ('reason', models.CharField(blank=True, max_length=24)),
                ('child_at_risk', models.BooleanField(default=False)),
                ('note_key', models.UUIDField(null=True)),
                ('note', models.BinaryField(null=True)),
                ('decided_at', models.DateTimeField()),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='assessment.contentitem')),
            ],
        ),
        migrations.CreateModel(
            name='DutyPresence',
            fields=[
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('seen_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Criteria',
            fields=[
                ('version', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('jurisdiction', models.CharField(max_length=2)),
                ('in_force_from', models.DateField()),
                ('title_en', models.CharField(max_length=200)),
                ('title_ja', models.CharField(max_length=200)),
                ('law_codes', models.JSONField()),
                ('guideline', models.JSONField(default=list)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('jurisdiction', 'in_force_from'), name='assessment_criteria_one_in_force')],
            },
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='withdrawal', serialize=False, to='assessment.decision')),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='decision',
            name='criteria',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='assessment.criteria'),
        ),
        migrations.AddField(
            model_name='decision',
            name='decided_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='contentitem',
            name='confirmation',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='assessment.decision'),
        ),
        migrations.AddField(
            model_name='contentitem',
            name='decision',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='assessment.decision'),
        ),
        migrations.CreateModel(
            name='ExposureLift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField()),
                ('minutes', models.PositiveSmallIntegerField()),
                ('reason', models.CharField(max_length=300)),
                ('lifted_at', models.DateTimeField()),
                ('lifted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['person', 'on'], name='assessment_lifts')],
                'constraints': [models.CheckConstraint(condition=models.Q(('person', models.F('lifted_by')), _negated=True), name='assessment_lift_by_another'), models.CheckConstraint(condition=models.Q(('minutes__range', (1, 240))), name='assessment_lift_minutes')],
            },
        ),
        migrations.CreateModel(
            name='Lease',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('taken_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('end', models.CharField(blank=True, max_length=10)),
                ('exempt', models.BooleanField(default=False, help_text='Taken past the budget: a child at risk, nobody else on duty.')),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='leases', to='assessment.contentitem')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['person', 'taken_at'], name='assessment_lease_person'), models.Index(condition=models.Q(('ended_at', None)), fields=['until'], name='assessment_lease_open')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('content',), name='assessment_one_lease_per_item'), models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('person',), name='assessment_one_lease_per_person'), models.CheckConstraint(condition=models.Q(models.Q(('end', ''), ('ended_at', None)), models.Q(('end__in', [mamori.hotline.assessment.states.LeaseEnd['DECIDED'], mamori.hotline.assessment.states.LeaseEnd['RELEASED'], mamori.hotline.assessment.states.LeaseEnd['EXPIRED']]), ('ended_at__isnull', False)), _connector='OR'), name='assessment_lease_end'), models.CheckConstraint(condition=models.Q(('until__gt', models.F('taken_at'))), name='assessment_lease_length')],
            },
        ),
        migrations.CreateModel(
            name='ContentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('was', models.CharField(blank=True, max_length=20)),
                ('now', models.CharField(max_length=20)),
                ('code', models.CharField(blank=True, max_length=24)),
                ('actor_kind', models.CharField(max_length=10)),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='assessment.contentitem')),
            ],
            options={
                'indexes': [models.Index(fields=['content', 'at'], name='assessment_events_of'), models.Index(fields=['now', 'at'], name='assessment_events_into')],
            },
        ),
        migrations.CreateModel(
            name='ContentReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('report_id', models.UUIDField(unique=True)),
                ('submission_id', models.UUIDField()),
                ('source', models.CharField(max_length=24)),
                ('seen_on', models.DateField(null=True)),
                ('urgent', models.BooleanField(default=False)),
                ('linked_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reports', to='assessment.contentitem')),
            ],
            options={
                'indexes': [models.Index(fields=['content', 'linked_at'], name='assessment_reports_of')],
            },
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(fields=['decided_at'], name='assessment_decided'),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(fields=['decided_by', 'decided_at'], name='assessment_decided_by'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.UniqueConstraint(fields=('content', 'round', 'position'), name='assessment_one_per_position'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.UniqueConstraint(fields=('content', 'round', 'decided_by'), name='assessment_second_person'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('position__in', [1, 2, 3])), name='assessment_decision_position'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('verdict__in', [mamori.hotline.assessment.states.Verdict['BASELINE'], mamori.hotline.assessment.states.Verdict['NATIONAL'], mamori.hotline.assessment.states.Verdict['NOT_ILLEGAL'], mamori.hotline.assessment.states.Verdict['IGNORE'], mamori.hotline.assessment.states.Verdict['UNDETERMINED']])), name='assessment_decision_verdict'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['', mamori.hotline.assessment.states.Reason['OTHER'], mamori.hotline.assessment.states.Reason['CONTENT_NOT_FOUND'], mamori.hotline.assessment.states.Reason['REFERRER_UNKNOWN'], mamori.hotline.assessment.states.Reason['UNABLE_TO_ACCESS'], mamori.hotline.assessment.states.Reason['PASSWORD_PROTECTED'], mamori.hotline.assessment.states.Reason['ACCOUNT_DISABLED'], mamori.hotline.assessment.states.Reason['LEGALLY_UNABLE'], mamori.hotline.assessment.states.Reason['LINK_EXPIRED'], mamori.hotline.assessment.states.Reason['ERROR_404'], mamori.hotline.assessment.states.Reason['ERROR_503'], mamori.hotline.assessment.states.Reason['PREMIUM_ACCOUNT'], mamori.hotline.assessment.states.Reason['MISSING_PARTS'], mamori.hotline.assessment.states.Reason['REMOVED_BEFORE'], mamori.hotline.assessment.states.Reason['ADULT'], mamori.hotline.assessment.states.Reason['NUDISM'], mamori.hotline.assessment.states.Reason['BELOW_THRESHOLD'], mamori.hotline.assessment.states.Reason['IMAGES_TOO_SMALL'], mamori.hotline.assessment.states.Reason['VIRTUAL'], mamori.hotline.assessment.states.Reason['LINKING'], mamori.hotline.assessment.states.Reason['AGE_UNCLEAR'], mamori.hotline.assessment.states.Reason['AGE_OVER_THRESHOLD']])), name='assessment_decision_reason'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(condition=models.Q(('state__in', [mamori.hotline.assessment.states.ContentState['TRACING'], mamori.hotline.assessment.states.ContentState['AWAITING_ASSESSMENT'], mamori.hotline.assessment.states.ContentState['SECOND_OPINION']])), fields=['-priority', 'id'], name='assessment_queue'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(condition=models.Q(('state__in', [mamori.hotline.assessment.states.ContentState['TRACING'], mamori.hotline.assessment.states.ContentState['AWAITING_ASSESSMENT'], mamori.hotline.assessment.states.ContentState['SECOND_OPINION']])), fields=['opened_at', 'id'], name='assessment_queue_age'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(fields=['state', 'state_at'], name='assessment_by_state'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(fields=['host'], name='assessment_by_host'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(condition=models.Q(('verdict__in', [mamori.hotline.assessment.states.Verdict['BASELINE'], mamori.hotline.assessment.states.Verdict['NATIONAL']])), fields=['host'], name='assessment_illegal_on_host'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(fields=['opened_at'], name='assessment_opened'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(condition=models.Q(('at_risk', True)), fields=['opened_at'], name='assessment_at_risk'),
        ),
        migrations.AddIndex(
            model_name='contentitem',
            index=models.Index(condition=models.Q(('settled_at__isnull', False)), fields=['settled_at'], name='assessment_settled'),
        ),
        migrations.AddConstraint(
            model_name='contentitem',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['tracing', 'awaiting_assessment', 'cannot_access', 'in_assessment', 'second_opinion', 'in_second_opinion', 'assessed', 'actioning', 'monitoring', 'removed', 'unavailable', 'moved', 'not_illegal', 'watch', 'closed'])), name='content_state_known'),
        ),
        migrations.AddConstraint(
            model_name='contentitem',
            constraint=models.CheckConstraint(condition=models.Q(('position__in', [1, 2, 3])), name='assessment_content_position'),
        ),
        migrations.AddConstraint(
            model_name='contentitem',
            constraint=models.CheckConstraint(condition=models.Q(('round__gte', 1)), name='assessment_content_round'),
        ),
        migrations.AddConstraint(
            model_name='contentitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('settled_at', None), ('verdict', '')), models.Q(('settled_at__isnull', False), ('verdict__in', [mamori.hotline.assessment.states.Verdict['BASELINE'], mamori.hotline.assessment.states.Verdict['NATIONAL'], mamori.hotline.assessment.states.Verdict['NOT_ILLEGAL'], mamori.hotline.assessment.states.Verdict['IGNORE'], mamori.hotline.assessment.states.Verdict['UNDETERMINED']])), _connector='OR'), name='assessment_content_settled'),
        ),
        migrations.AddConstraint(
            model_name='contentitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('verdict__in', [mamori.hotline.assessment.states.Verdict['BASELINE'], mamori.hotline.assessment.states.Verdict['NATIONAL']]), _negated=True), models.Q(('confirmation__isnull', False), ('decision__isnull', False)), _connector='OR'), name='assessment_illegal_needs_two'),
        ),
        migrations.AddConstraint(
            model_name='contentitem',
            constraint=models.CheckConstraint(condition=models.Q(('confirmation', None), models.Q(('confirmation', models.F('decision')), _negated=True), _connector='OR'), name='assessment_two_decisions'),
        ),
    ]
