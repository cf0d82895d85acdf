"""The zoo: faulty and healthy trainings on real data, run with the real logger, to score the diagnoses.

`data` and `models` make `families`; `training` is one training in replaceable parts, `loop` runs it; `faults` and
`healthy` replace parts; `run` trains everything into `.benchmarks/zoo/logs`. The score is `benchmarks.diagnosis`.
"""
