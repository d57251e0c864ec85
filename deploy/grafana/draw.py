"""Draws the two dashboards: `python -m deploy.grafana.draw` writes them to deploy/grafana/dashboards/."""

import json
from pathlib import Path

from deploy.grafana.panels import DATASOURCE, Json, address, choice, dashboard, graph, heatmap, number, table

FOLDER = Path(__file__).with_name("dashboards")
RATE = "[$__rate_interval]"
TOPIC = '{topic=~"$topic"}'
SPARE = {"custom": {"fillOpacity": 8, "spanNulls": False}}
RED_AT_1: Json = {
    "thresholds": {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 1}]}
}


def _quantiles(metric: str, by: str = "") -> tuple[tuple[str, str], ...]:
    """Median, 95th and 99th percentile of a histogram over the last hour; none where nothing was observed."""
    labels = f"le, {by}" if by else "le"
    legend = f"{{{{{by}}}}} " if by else ""
    return tuple(
        (f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket[1h]))) >= 0", f"{legend}p{round(q * 100)}")
        for q in (0.5, 0.95, 0.99)
    )


def sentiment() -> Json:
    """For the risk team: which topics are out of the ordinary, since when, and how far."""
    drill = [{"title": "Alerts in the console", "url": "${console}/alerts", "targetBlank": True}]
    panels = [{**panel, "links": drill} for panel in (*_board(), *_course())]
    variables = [choice("topic", "Topic", "label_values(bellwether_topic_share, topic)"),
                 address("console", "Console", "http://127.0.0.1:8700")]  # fmt: skip
    drawn = dashboard("bellwether-sentiment", "Bellwether: sentiment", "What is said about each topic, against what is "
                      "usual for it.", panels, variables)  # fmt: skip
    drawn["annotations"]["list"].append({
        "name": "Alerts", "enable": True, "iconColor": "red", "datasource": DATASOURCE,
        "expr": f"max by (topic, severity) (bellwether_topic_alert_open{TOPIC}) == 1",
        "titleFormat": "{{topic}}", "tagKeys": "severity",
    })  # fmt: skip
    return drawn


def _board() -> list[Json]:
    """How things are now."""
    return [
        number("Open alerts", "Alerts open now.", "max(bellwether_aggregate_alerts_open)", **RED_AT_1),
        number("Incidents a week", "Begun a week, over the last four, and how many are welcome.",
               ("max(bellwether_aggregate_alerts_per_week)", "begun"),
               ("max(bellwether_aggregate_budget_per_week)", "budget"), wide=6),
        number("Alerts from", "The return period from which on a topic alerts.", "max(bellwether_aggregate_alarm_days)",
               unit="d"),
        number("Ready topics", "Topics whose baseline is known.", "sum(max by (topic) (bellwether_topic_baseline_ready))"),
        number("Seen up to", "How far behind the clock windows are closed.",
               "time() - max(bellwether_aggregate_watermark_seconds)", unit="s", wide=6),
        table("Topics", "Share of negatives on the last 90 minutes beside what is usual.", (
            ("return period", f"max by (topic) (bellwether_topic_return_period_days{TOPIC})", "d"),
            ("alert", f"max by (topic) (bellwether_topic_alert_open{TOPIC})", "short"),
            ("share", f"max by (topic) (bellwether_topic_share{TOPIC})", "percentunit"),
            ("usual share", f"max by (topic) (bellwether_topic_usual_share{TOPIC})", "percentunit"),
            ("tail from", f"max by (topic) (bellwether_topic_tail_share{TOPIC})", "percentunit"),
            ("stories", f"max by (topic) (bellwether_topic_documents{TOPIC})", "short"),
            ("excess", f"max by (topic) (bellwether_topic_excess{TOPIC})", "short"),
            ("ready", f"max by (topic) (bellwether_topic_baseline_ready{TOPIC})", "short"),
        ), by="topic"),
    ]  # fmt: skip


def _course() -> list[Json]:
    """How they came to be so."""
    return [
        graph("Share against its band", "The share of negatives, the usual one, and where the topic's own tail begins.",
              (f"max by (topic) (bellwether_topic_share{TOPIC})", "{{topic}}"),
              (f"max by (topic) (bellwether_topic_usual_share{TOPIC})", "{{topic}} usual"),
              (f"max by (topic) (bellwether_topic_tail_share{TOPIC})", "{{topic}} tail"),
              unit="percentunit", wide=12, min=0, max=1, **SPARE),
        graph("Return period", "How rare each topic's excess is, and from when on it alerts.",
              (f"max by (topic) (bellwether_topic_return_period_days{TOPIC})", "{{topic}}"),
              ("max(bellwether_aggregate_alarm_days)", "alerts from"), unit="d", wide=12, **SPARE),
        graph("Volume", "Documents an hour, under each of their topics.",
              (f"sum by (topic) (rate(bellwether_aggregate_documents_total{TOPIC}[$__rate_interval])) * 3600", "{{topic}}")),
        graph("Sentiment", "Documents an hour by their most probable sentiment.",
              (f"sum by (sentiment) (rate(bellwether_aggregate_documents_total{TOPIC}[$__rate_interval])) * 3600",
               "{{sentiment}}")),
        graph("Languages", "Documents an hour by language.",
              (f"sum by (language) (rate(bellwether_aggregate_documents_total{TOPIC}[$__rate_interval])) * 3600",
               "{{language}}")),
        graph("Alerts opened", "In the last day, by severity.",
              ("sum by (severity) (increase(bellwether_aggregate_alerts_total[1d]))", "{{severity}}"), wide=12),
        graph("Told", "Alerts that destinations were to be told of in the last day, by action.",
              ("sum by (action) (increase(bellwether_aggregate_told_total[1d]))", "{{action}}"), wide=12),
    ]  # fmt: skip


def pipeline() -> Json:
    """For operators: does everything flow, how fast, and does it arrive."""
    panels = [*_glance(), *_flow(), *_delays(), *_model(), *_losses(), *_delivery(), *_processes()]
    about = "From documents to delivered alerts: throughput, delay, what was refused and what failed."
    return dashboard("bellwether-pipeline", "Bellwether: pipeline", about, panels)


def _glance() -> list[Json]:
    return [
        number("Processes", "Scraped, and answering.", 'count(up{job="bellwether"} == 1) or vector(0)'),
        number("Aggregator", "1 while somebody watches the topics.", "bellwether:aggregator:watching"),
        number("Firing", "Alerts of Prometheus that fire, the watchdog among them.",
               'count(ALERTS{alertstate="firing"}) or vector(0)'),
        number("Canary", "Since the newest one that came through, by input; nothing where none are published.",
               ("time() - max by (kafka_topic) (bellwether_canary_seen_timestamp_seconds)", "{{kafka_topic}}"), unit="s"),
        number("Dead letters", "In the last day.", "sum(increase(bellwether_classify_dead_letters_total[1d]))", **RED_AT_1),
        number("Lost", "Documents and alerts that were gone before they were read, in the last day.",
               "sum(max by (kind) (sum by (kind, part) (increase(bellwether:positions_lost:total[1d]))))", **RED_AT_1),
        number("Model", "What scores, and on what.", ("bellwether_model_info", ("{{name}} {{artifact}}, {{provider}} "
               "(asked: {{asked}}), {{threads}} threads")), wide=12),
        number("Versions", "Version and Python of each process.",
               ("bellwether_build_info", "{{instance}}: {{version}}, Python {{python}}"), wide=12),
    ]  # fmt: skip


def _flow() -> list[Json]:
    return [
        graph("Documents", "Records dealt with a second, by input.",
              (f"sum by (kafka_topic) (rate(bellwether_classify_records_total{RATE}))", "{{kafka_topic}}"), unit="cps"),
        graph("Behind", "Records that a loop has not read yet.",
              ("sum by (loop) (bellwether_loop_behind_records)", "{{loop}}")),
        graph("Time to catch up", "Until all that is there is scored, at the present pace.",
              ("bellwether:classify_catch_up:seconds", "to catch up"), unit="s"),
    ]  # fmt: skip


def _delays() -> list[Json]:
    return [
        heatmap("Arrival to scores", "How long documents wait for their scores.",
                f"sum by (le) (increase(bellwether_classify_since_arrival_seconds_bucket{RATE}))"),
        heatmap("Alert to delivery", "How long alerts wait to be delivered, all destinations together.",
                f"sum by (le) (increase(bellwether_deliver_since_appended_seconds_bucket{RATE}))"),
        graph("Arrival to scores", "Of the last hour.", *_quantiles("bellwether_classify_since_arrival_seconds"), unit="s"),
        graph("Scores to windows", "From the scores log to being counted, of the last hour.",
              *_quantiles("bellwether_aggregate_since_scored_seconds"), unit="s"),
        graph("Arrival to alert", "From the last document counted before an alert to the alert, of the last hour.",
              *_quantiles("bellwether_aggregate_since_arrival_seconds"), unit="s"),
    ]  # fmt: skip


def _model() -> list[Json]:
    return [
        graph("Scoring", "Seconds of scoring in a second: 1 is one process at work all the time.",
              (f"sum by (instance) (rate(bellwether_classify_scoring_seconds_sum{RATE}))", "{{instance}}"), unit="percentunit"),
        graph("Batches", "Share of a batch that is text, and texts in it, or chunks of long ones.",
              ((f"sum(rate(bellwether_classify_batch_fill_ratio_sum{RATE}))"
               f" / sum(rate(bellwether_classify_batch_fill_ratio_count{RATE}))"), "fill"),
              ((f"sum(rate(bellwether_classify_batch_texts_sum{RATE}))"
               f" / sum(rate(bellwether_classify_batch_texts_count{RATE}))"), "texts")),
        graph("Tokens", "Read by the model in a second; and texts that were cut or known already.",
              (f"sum(rate(bellwether_classify_tokens_total{RATE}))", "tokens"),
              (f"sum(rate(bellwether_classify_texts_truncated_total{RATE}))", "texts cut"),
              (f"sum(rate(bellwether_classify_texts_cached_total{RATE}))", "texts known"), unit="cps"),
    ]  # fmt: skip


def _losses() -> list[Json]:
    return [
        graph("Dead letters", "A second, by reason.",
              (f"sum by (reason) (rate(bellwether_classify_dead_letters_total{RATE}))", "{{reason}}"), unit="cps"),
        graph("Late documents", "Share of documents behind their watermark.",
              (("sum(increase(bellwether_aggregate_late_documents_total[1h]))"
               " / sum(increase(bellwether_classify_documents_total[1h]))"), "late"), unit="percentunit"),
        graph("Ranges", "Of the scores log a second, by verdict.",
              (f"sum by (verdict) (rate(bellwether_aggregate_ranges_total{RATE}))", "{{verdict}}"), unit="cps"),
    ]  # fmt: skip


def _delivery() -> list[Json]:
    return [
        graph("Delivered", "Alerts done with in the last hour, by destination and outcome.",
              ("sum by (destination, outcome) (increase(bellwether_deliver_alerts_total[1h]))", "{{destination}} {{outcome}}")),
        graph("Attempts", "To deliver, in the last hour, by answer.",
              ("sum by (destination, answer) (increase(bellwether_deliver_attempts_total[1h]))", "{{destination}} {{answer}}")),
        graph("Waiting", "Alerts in the line, and for how long the first has waited.",
              ("sum by (destination) (bellwether_deliver_waiting_alerts)", "{{destination}}"),
              ("max by (destination) (bellwether_deliver_oldest_waiting_seconds)", "{{destination}}, seconds")),
        graph("Alert to delivery", "Of the last hour.", *_quantiles("bellwether_deliver_since_appended_seconds", "destination"),
              unit="s"),
        graph("Failures in a row", "Attempts since a destination last answered.",
              ("max by (destination) (bellwether_deliver_failures_in_a_row)", "{{destination}}")),
        graph("Notifications of Alertmanager", "Taken in the last hour, by answer.",
              ("sum by (answer) (increase(bellwether_receiver_notifications_total[1h]))", "{{answer}}")),
    ]  # fmt: skip


def _processes() -> list[Json]:
    return [
        graph("Turns", "Of each loop in a second.", (f"sum by (loop) (rate(bellwether_loop_turns_total{RATE}))", "{{loop}}")),
        graph("Logs away", "1 while a loop cannot use its log.",
              ("max by (loop) (bellwether_loop_log_away)", "{{loop}}"), max=1, min=0),
        graph("Memory and processor", "Of each process.",
              ('process_resident_memory_bytes{job="bellwether"}', "{{instance}} memory"),
              ("max(bellwether_aggregate_checkpoint_bytes)", "checkpoint"), unit="bytes"),
        graph("Processor", "Cores in use.", (f'rate(process_cpu_seconds_total{{job="bellwether"}}{RATE})', "{{instance}}")),
    ]  # fmt: skip


def drawn() -> dict[str, str]:
    """File name to content."""
    both = {"sentiment.json": sentiment(), "pipeline.json": pipeline()}
    return {name: json.dumps(each, indent=1, ensure_ascii=False) + "\n" for name, each in both.items()}


if __name__ == "__main__":
    for name, content in drawn().items():
        (FOLDER / name).write_text(content, "utf-8")
