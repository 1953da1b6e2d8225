"""The form renderer: `FORM_RENDERER = "mamori.ground.ui.forms.Renderer"`; then `{{ form }}` is right as it stands."""

from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    form_template_name = "ui/form.html"
    field_template_name = "ui/field.html"
