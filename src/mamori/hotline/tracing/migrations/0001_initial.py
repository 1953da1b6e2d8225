import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('mail', models.EmailField(max_length=254, unique=True)),
                ('organisation', models.CharField(blank=True, max_length=200)),
                ('source', models.CharField(max_length=12)),
                ('age_key', models.CharField(blank=True, help_text='Public age key for encrypted attachments.', max_length=80)),
                ('found_at', models.DateTimeField()),
                ('needed_at', models.DateTimeField(null=True)),
                ('urgent_at', models.DateTimeField(null=True)),
                ('approved_at', models.DateTimeField(null=True)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('replaced_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replaces', to='tracing.contact')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('approved_at__isnull', True), ('needed_at__isnull', False), ('replaced_by__isnull', True)), fields=['needed_at'], name='tracing_contact_waiting'), models.Index(fields=['-found_at', 'id'], name='tracing_contact_newest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('source__in', ['dns', 'rdap_ip', 'rdap_autnum', 'rdap_domain', 'route', 'abusix', 'rfc2142', 'person'])), name='tracing_contact_source_known'), models.CheckConstraint(condition=models.Q(('approved_at__isnull', True), ('approved_by__isnull', False), _connector='OR'), name='tracing_contact_approved_by_a_person'), models.CheckConstraint(condition=models.Q(('replaced_by', models.F('id')), _negated=True), name='tracing_contact_not_itself')],
            },
        ),
        migrations.CreateModel(
            name='HostAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ip', models.GenericIPAddressField()),
                ('host', models.CharField(max_length=253)),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('ip', 'host'), name='tracing_hostaddress_once')],
                'indexes': [models.Index(django.db.models.functions.comparison.Collate(django.db.models.functions.text.Reverse('host'), 'C'), name='tracing_hostaddress_turned')],
            },
        ),
        migrations.CreateModel(
            name='Trace',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('content_id', models.UUIDField(unique=True)),
                ('state', models.CharField(default='unresolved', max_length=12)),
                ('host', models.CharField(max_length=253)),
                ('addresses', models.JSONField(default=list)),
                ('asns', models.JSONField(default=list)),
                ('as_name', models.CharField(blank=True, max_length=120)),
                ('country', models.CharField(blank=True, max_length=2)),
                ('registrar', models.CharField(blank=True, max_length=200)),
                ('candidates', models.JSONField(default=list)),
                ('needed_at', models.DateTimeField(help_text='Since when a notice is meant to go.', null=True)),
                ('urgent_at', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField()),
                ('run', models.PositiveIntegerField(default=0)),
                ('run_at', models.DateTimeField(null=True)),
                ('failed', models.PositiveSmallIntegerField(default=0)),
                ('changed_at', models.DateTimeField(null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('confirmed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contact', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='traces', to='tracing.contact')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('failed__gt', 0)), fields=['run_at'], name='tracing_trace_to_retry'), models.Index(fields=['state', '-opened_at'], name='tracing_trace_by_state')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['unresolved', 'traced', 'disputed', 'confirmed', 'changed'])), name='trace_state_known'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'confirmed'), _negated=True), models.Q(('confirmed_by__isnull', False), ('contact__isnull', False)), _connector='OR'), name='tracing_trace_confirmed_by_a_person')],
            },
        ),
        migrations.CreateModel(
            name='Rung',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level', models.CharField(max_length=14)),
                ('contact', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tracing.contact')),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rungs', to='tracing.trace')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('trace', 'level'), name='tracing_rung_once'), models.CheckConstraint(condition=models.Q(('level__in', ['site_operator', 'hoster', 'upstream', 'registrar'])), name='tracing_rung_level_known')],
            },
        ),
        migrations.CreateModel(
            name='Vote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('run', models.PositiveIntegerField()),
                ('method', models.CharField(max_length=12)),
                ('subject', models.CharField(max_length=253)),
                ('outcome', models.CharField(max_length=8)),
                ('at', models.DateTimeField()),
                ('registry', models.CharField(blank=True, help_text='Who answered.', max_length=120)),
                ('data', models.JSONField(default=dict)),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='votes', to='tracing.trace')),
            ],
            options={
                'indexes': [models.Index(fields=['trace', 'run'], name='tracing_vote_of_run'), models.Index(condition=models.Q(('outcome', 'failed'), _negated=True), fields=['subject', 'method', '-at'], name='tracing_vote_cache')],
                'constraints': [models.CheckConstraint(condition=models.Q(('method__in', ['dns', 'rdap_ip', 'rdap_autnum', 'rdap_domain', 'route', 'abusix', 'rfc2142'])), name='tracing_vote_method_known'), models.CheckConstraint(condition=models.Q(('outcome__in', ['found', 'nothing', 'failed'])), name='tracing_vote_outcome_known')],
            },
        ),
    ]
