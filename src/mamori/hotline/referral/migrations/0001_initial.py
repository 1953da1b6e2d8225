import django.db.models.deletion
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
            name='Mailing',
            fields=[
                ('letter_id', models.UUIDField(primary_key=True, serialize=False)),
                ('purpose', models.CharField(max_length=12)),
                ('count', models.PositiveIntegerField()),
                ('posted_at', models.DateTimeField()),
                ('handed_at', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Evidence',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('content_id', models.UUIDField()),
                ('made_at', models.DateTimeField()),
                ('key_id', models.CharField(max_length=64)),
                ('envelope', models.TextField()),
            ],
            options={
                'indexes': [models.Index(fields=['content_id', '-made_at'], name='referral_evidence_of')],
            },
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('jurisdiction', models.CharField(max_length=2)),
                ('version', models.PositiveIntegerField()),
                ('kind', models.CharField(max_length=14)),
                ('silence_hours', models.PositiveSmallIntegerField(default=48)),
                ('longest_hold_days', models.PositiveSmallIntegerField(default=30)),
                ('channel', models.CharField(default='desk', max_length=4)),
                ('notification_mail', models.EmailField(blank=True, max_length=254)),
                ('duty_mail', models.EmailField(blank=True, max_length=254)),
                ('duty_phone', models.CharField(blank=True, max_length=40)),
                ('supervisors', models.JSONField(default=list, help_text='Mail addresses.')),
                ('set_at', models.DateTimeField()),
                ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organisation')),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('jurisdiction', 'version'), name='referral_policy_version_once'), models.CheckConstraint(condition=models.Q(('kind__in', ['approval', 'silent_consent', 'simultaneous', 'per_item'])), name='referral_policy_kind_known'), models.CheckConstraint(condition=models.Q(('channel__in', ['desk', 'api'])), name='referral_policy_channel_known'), models.CheckConstraint(condition=models.Q(('longest_hold_days__gte', 1), ('silence_hours__gte', 1)), name='referral_policy_clocks_run'), models.CheckConstraint(condition=models.Q(('channel', 'desk'), ('kind', 'simultaneous'), ('notification_mail', ''), _negated=True), name='referral_policy_hands_something_over')],
            },
        ),
        migrations.CreateModel(
            name='Preservation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('content_id', models.UUIDField()),
                ('contact_id', models.UUIDField()),
                ('requested_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('extended_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('content_id', 'contact_id'), name='referral_preservation_once'), models.CheckConstraint(condition=models.Q(('until__gt', models.F('requested_at'))), name='referral_preservation_ends_later')],
            },
        ),
        migrations.CreateModel(
            name='Referral',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('content_id', models.UUIDField(unique=True)),
                ('kind', models.CharField(blank=True, max_length=14)),
                ('state', models.CharField(default='drafted', max_length=16)),
                ('urgent', models.BooleanField(default=False)),
                ('opened_at', models.DateTimeField()),
                ('urgent_at', models.DateTimeField(null=True)),
                ('queued_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('delivered_by', models.CharField(blank=True, max_length=5)),
                ('officer', models.CharField(blank=True, max_length=120)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('reference', models.CharField(blank=True, help_text="The police's own number.", max_length=80)),
                ('paged_at', models.DateTimeField(null=True)),
                ('alerted', models.PositiveSmallIntegerField(default=0)),
                ('cleared_at', models.DateTimeField(null=True)),
                ('feedback', models.CharField(blank=True, max_length=10)),
                ('case_no', models.CharField(blank=True, max_length=80)),
                ('data_key', models.UUIDField(null=True)),
                ('sealed_call', models.BinaryField(help_text='Number and note of a phone hand-over.', null=True)),
                ('mailing', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='referrals', to='referral.mailing')),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='referral.policy')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['queued', 'sent'])), fields=['queued_at'], name='referral_undelivered'), models.Index(condition=models.Q(('state__in', ['delivered', 'acknowledged'])), fields=['delivered_at'], name='referral_unanswered'), models.Index(fields=['state', '-opened_at', 'id'], name='referral_by_state'), models.Index(fields=['-opened_at', 'id'], name='referral_newest'), models.Index(fields=['-urgent', '-opened_at', 'id'], name='referral_urgent_first')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['drafted', 'queued', 'sent', 'delivered', 'acknowledged', 'hold_requested', 'released', 'no_objection', 'feedback'])), name='referral_state_known'), models.CheckConstraint(condition=models.Q(('kind__in', ['approval', 'silent_consent', 'simultaneous', ''])), name='referral_referral_kind_known'), models.CheckConstraint(condition=models.Q(('state', 'drafted'), models.Q(('kind', ''), _negated=True), _connector='OR'), name='referral_referral_kind_chosen'), models.CheckConstraint(condition=models.Q(('delivered_by__in', ['desk', 'api', 'phone', ''])), name='referral_referral_delivery_known'), models.CheckConstraint(condition=models.Q(models.Q(('delivered_at__isnull', True), ('state__in', ['drafted', 'queued', 'sent'])), models.Q(models.Q(('state__in', ['drafted', 'queued', 'sent']), _negated=True), ('delivered_at__isnull', False), models.Q(('officer', ''), _negated=True)), _connector='OR'), name='referral_referral_delivered_to_a_named_officer'), models.CheckConstraint(condition=models.Q(('cleared_at__isnull', True), ('sent_at__isnull', False), _connector='OR'), name='referral_referral_cleared_when_sent'), models.CheckConstraint(condition=models.Q(('feedback__in', ['new_victim', 'known', 'case_no', ''])), name='referral_referral_feedback_known'), models.CheckConstraint(condition=models.Q(('cleared_at__isnull', True), ('kind', 'simultaneous'), ('delivered_at__isnull', False), _connector='OR'), name='referral_referral_cleared_when_told')],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('asked_at', models.DateTimeField()),
                ('asked_by', models.UUIDField(help_text='Person or token.')),
                ('until', models.DateTimeField()),
                ('data_key', models.UUIDField()),
                ('sealed_reason', models.BinaryField()),
                ('late', models.BooleanField(help_text='Asked for after notices were free to go.')),
                ('told_at', models.DateTimeField(help_text='When supervisors were told that its time is over.', null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_how', models.CharField(blank=True, max_length=8)),
                ('referral', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='referral.referral')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['until'], name='referral_hold_in_force')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('referral',), name='referral_hold_one_in_force'), models.CheckConstraint(condition=models.Q(('until__gt', models.F('asked_at'))), name='referral_hold_ends_later'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('ended_how', '')), models.Q(('ended_at__isnull', False), ('ended_how__in', ['released', 'lapsed'])), _connector='OR'), name='referral_hold_ended_somehow')],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(max_length=24)),
                ('number', models.IntegerField(null=True)),
                ('actor_kind', models.CharField(max_length=10)),
                ('actor_id', models.UUIDField(null=True)),
                ('data_key', models.UUIDField(null=True)),
                ('sealed_reason', models.BinaryField(null=True)),
                ('referral', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='referral.referral')),
            ],
            options={
                'indexes': [models.Index(fields=['referral', 'at'], name='referral_step_of')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['opened', 'urgent', 'queued', 'sent', 'letter_failed', 'delivered', 'acknowledged', 'paged', 'alert', 'hold_requested', 'hold_renewed', 'hold_over', 'hold_lapsed', 'released', 'no_objection', 'cleared', 'feedback', 'evidence', 'preservation', 'preservation_extended'])), name='referral_step_kind_known'), models.UniqueConstraint(condition=models.Q(('kind', 'alert')), fields=('referral', 'kind', 'number'), name='referral_step_alert_once')],
            },
        ),
    ]
