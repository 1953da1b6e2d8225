import django.db.models.deletion
import mamori.hotline.takedown.states
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('assessment', '0001_initial'),
        ('letters', '0001_initial'),
        ('tracing', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='HosterPage',
            fields=[
                ('token_digest', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('payload', models.BinaryField()),
                ('until', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['until'], name='takedown_page_until')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('level', models.CharField(max_length=14)),
                ('state', models.CharField(default='draft', max_length=18)),
                ('domestic', models.BooleanField(default=True)),
                ('opened_at', models.DateTimeField()),
                ('delivered_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField(help_text='When its page was first opened.', null=True)),
                ('last_letter_at', models.DateTimeField(null=True)),
                ('looked_at', models.DateTimeField(null=True)),
                ('reminders', models.PositiveSmallIntegerField(default=0)),
                ('item_count', models.PositiveIntegerField(default=0, help_text='Numbers given to items so far.')),
                ('page_stale', models.BooleanField(default=False)),
                ('finished_at', models.DateTimeField(null=True)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tracing.contact')),
            ],
            options={
                'indexes': [models.Index(fields=['state', '-opened_at'], name='takedown_notice_state'), models.Index(fields=['-opened_at', 'id'], name='takedown_notice_newest'), models.Index(condition=models.Q(('finished_at', None)), fields=['last_letter_at'], name='takedown_notice_letter'), models.Index(condition=models.Q(('page_stale', True)), fields=['id'], name='takedown_notice_stale')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'grouping', 'verifying', 'sending', 'delivered', 'bounced', 'acknowledged', 'removal_claimed', 'disputed', 'overdue', 'suspended', 'verified_removed', 'escalated', 'closed'])), name='notice_state_known'), models.CheckConstraint(condition=models.Q(('level__in', [mamori.hotline.takedown.states.Level['SITE_OPERATOR'], mamori.hotline.takedown.states.Level['HOSTER'], mamori.hotline.takedown.states.Level['UPSTREAM'], mamori.hotline.takedown.states.Level['REGISTRAR'], mamori.hotline.takedown.states.Level['REGULATOR']])), name='takedown_notice_level'), models.UniqueConstraint(condition=models.Q(('state__in', [mamori.hotline.takedown.states.NoticeState['DRAFT'], mamori.hotline.takedown.states.NoticeState['GROUPING'], mamori.hotline.takedown.states.NoticeState['VERIFYING'], mamori.hotline.takedown.states.NoticeState['SENDING'], mamori.hotline.takedown.states.NoticeState['DELIVERED'], mamori.hotline.takedown.states.NoticeState['BOUNCED'], mamori.hotline.takedown.states.NoticeState['ACKNOWLEDGED'], mamori.hotline.takedown.states.NoticeState['REMOVAL_CLAIMED'], mamori.hotline.takedown.states.NoticeState['DISPUTED'], mamori.hotline.takedown.states.NoticeState['OVERDUE'], mamori.hotline.takedown.states.NoticeState['SUSPENDED']])), fields=('contact',), name='takedown_one_open_per_contact')],
            },
        ),
        migrations.CreateModel(
            name='HosterAnswer',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('token_digest', models.CharField(max_length=64)),
                ('kind', models.CharField(max_length=12)),
                ('items', models.JSONField(default=list)),
                ('text_key', models.UUIDField(null=True)),
                ('text', models.BinaryField(null=True)),
                ('at', models.DateTimeField()),
                ('processed_at', models.DateTimeField(null=True)),
                ('settled_at', models.DateTimeField(help_text='When a person dealt with a dispute or a question.', null=True)),
                ('notice', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='takedown.notice')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('processed_at', None)), fields=['at'], name='takedown_answer_new'), models.Index(condition=models.Q(('kind__in', ['dispute', 'question']), ('notice__isnull', False), ('settled_at', None)), fields=['at'], name='takedown_answer_unsettled')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', [mamori.hotline.takedown.states.AnswerKind['OPENED'], mamori.hotline.takedown.states.AnswerKind['ACKNOWLEDGE'], mamori.hotline.takedown.states.AnswerKind['REMOVED'], mamori.hotline.takedown.states.AnswerKind['DISPUTE'], mamori.hotline.takedown.states.AnswerKind['QUESTION']])), name='takedown_answer_kind')],
            },
        ),
        migrations.CreateModel(
            name='NoticeItem',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(default='waiting', max_length=10)),
                ('urgent', models.BooleanField(default=False)),
                ('joined_at', models.DateTimeField()),
                ('looked_at', models.DateTimeField(null=True)),
                ('obstacle', models.CharField(blank=True, help_text='What it still waits for before it is told.', max_length=24)),
                ('findings', models.JSONField(default=dict)),
                ('told_in', models.PositiveIntegerField(null=True)),
                ('told_at', models.DateTimeField(null=True)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('disputed_at', models.DateTimeField(null=True)),
                ('answered_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='assessment.contentitem')),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='takedown.notice')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', mamori.hotline.takedown.states.ItemState['WAITING'])), fields=['joined_at'], name='takedown_item_waiting'), models.Index(condition=models.Q(('obstacle', ''), _negated=True), fields=['obstacle'], name='takedown_item_obstacle'), models.Index(condition=models.Q(('state', mamori.hotline.takedown.states.ItemState['CLAIMED'])), fields=['claimed_at'], name='takedown_item_claimed'), models.Index(condition=models.Q(('state', mamori.hotline.takedown.states.ItemState['DISPUTED'])), fields=['disputed_at'], name='takedown_item_disputed'), models.Index(fields=['notice', 'state'], name='takedown_items_of'), models.Index(fields=['joined_at', 'id'], name='takedown_item_joined'), models.Index(fields=['state', 'joined_at', 'id'], name='takedown_item_state'), models.Index(fields=['content', 'joined_at'], name='takedown_items_content')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'told', 'claimed', 'disputed', 'suspended', 'removed', 'withdrawn', 'escalated'])), name='notice_item_state_known'), models.UniqueConstraint(condition=models.Q(('state__in', [mamori.hotline.takedown.states.ItemState['WAITING'], mamori.hotline.takedown.states.ItemState['TOLD'], mamori.hotline.takedown.states.ItemState['CLAIMED'], mamori.hotline.takedown.states.ItemState['DISPUTED'], mamori.hotline.takedown.states.ItemState['SUSPENDED']])), fields=('content',), name='takedown_one_open_per_content'), models.UniqueConstraint(fields=('notice', 'number'), name='takedown_item_number')],
            },
        ),
        migrations.CreateModel(
            name='NoticeLetter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.PositiveIntegerField()),
                ('kind', models.CharField(max_length=10)),
                ('posted_at', models.DateTimeField()),
                ('page_until', models.DateTimeField()),
                ('page_digest', models.CharField(db_index=True, max_length=64)),
                ('letter', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='letters.letter')),
                ('notice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='letters', to='takedown.notice')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('notice', 'n'), name='takedown_letter_number'), models.CheckConstraint(condition=models.Q(('kind__in', [mamori.hotline.takedown.states.LetterKind['FIRST'], mamori.hotline.takedown.states.LetterKind['FURTHER'], mamori.hotline.takedown.states.LetterKind['REMINDER']])), name='takedown_letter_kind')],
            },
        ),
        migrations.CreateModel(
            name='Removal',
            fields=[
                ('content', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='assessment.contentitem')),
                ('state', models.CharField(default='wanted', max_length=10)),
                ('wanted_at', models.DateTimeField()),
                ('looked_at', models.DateTimeField(help_text='When it was last tried to open a notice or to climb.', null=True)),
                ('level', models.CharField(blank=True, max_length=14)),
                ('steps', models.PositiveSmallIntegerField(default=0)),
                ('domestic', models.BooleanField(null=True)),
                ('first_told_at', models.DateTimeField(null=True)),
                ('too_slow_at', models.DateTimeField(null=True)),
                ('exhausted_at', models.DateTimeField(null=True)),
                ('gone_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'wanted')), fields=['looked_at'], name='takedown_wanted'), models.Index(condition=models.Q(('exhausted_at', None), ('first_told_at__isnull', False), ('state', 'noticed')), fields=['steps', 'first_told_at'], name='takedown_climb'), models.Index(condition=models.Q(('state', 'noticed'), ('too_slow_at', None)), fields=['first_told_at'], name='takedown_slow'), models.Index(condition=models.Q(('state', 'noticed')), fields=['exhausted_at'], name='takedown_exhausted'), models.Index(fields=['first_told_at', 'gone_at'], name='takedown_durations')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['wanted', 'noticed', 'gone', 'dropped'])), name='removal_state_known'), models.CheckConstraint(condition=models.Q(('level__in', ['', mamori.hotline.takedown.states.Level['SITE_OPERATOR'], mamori.hotline.takedown.states.Level['HOSTER'], mamori.hotline.takedown.states.Level['UPSTREAM'], mamori.hotline.takedown.states.Level['REGISTRAR'], mamori.hotline.takedown.states.Level['REGULATOR']])), name='takedown_removal_level'), models.CheckConstraint(condition=models.Q(models.Q(('state', mamori.hotline.takedown.states.RemovalState['GONE']), _negated=True), ('gone_at__isnull', False), _connector='OR'), name='takedown_gone_has_moment')],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level', models.CharField(max_length=14)),
                ('reason', models.CharField(max_length=10)),
                ('at', models.DateTimeField()),
                ('reference', models.CharField(blank=True, max_length=80)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('content', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='assessment.contentitem')),
            ],
            options={
                'indexes': [models.Index(fields=['content', 'at'], name='takedown_steps_of')],
                'constraints': [models.CheckConstraint(condition=models.Q(('level__in', [mamori.hotline.takedown.states.Level['SITE_OPERATOR'], mamori.hotline.takedown.states.Level['HOSTER'], mamori.hotline.takedown.states.Level['UPSTREAM'], mamori.hotline.takedown.states.Level['REGISTRAR'], mamori.hotline.takedown.states.Level['REGULATOR']])), name='takedown_step_level'), models.CheckConstraint(condition=models.Q(('reason__in', [mamori.hotline.takedown.states.StepReason['CLOCK'], mamori.hotline.takedown.states.StepReason['BOUNCED'], mamori.hotline.takedown.states.StepReason['REFUSED'], mamori.hotline.takedown.states.StepReason['PERSON']])), name='takedown_step_reason')],
            },
        ),
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=16)),
                ('reference', models.CharField(blank=True, max_length=80)),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tracing.contact')),
            ],
            options={
                'indexes': [models.Index(fields=['-at', 'id'], name='takedown_ledger_newest'), models.Index(fields=['contact', '-at'], name='takedown_ledger_contact')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', [mamori.hotline.takedown.states.WarningKind['WARNING'], mamori.hotline.takedown.states.WarningKind['RECOMMENDATION'], mamori.hotline.takedown.states.WarningKind['CHARGE']])), name='takedown_ledger_kind')],
            },
        ),
    ]
