"""Counts the clicks of a day with Spark: spark-submit --py-files comparison.py clicks.py VISITS.jsonl.gz FOLDER."""

import json
import sys

from comparison import SHOWN, compare, side_of
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import StringType

VISITOR = "kind string, address string, agent string, sessions array<struct<views: array<string>>>"


def count_clicks(spark, source):
    visitors = spark.read.schema(VISITOR).option("mode", "FAILFAST").json(source).where("kind = 'visitor'")
    found_side = f.udf(side_of, StringType())
    sided = visitors.select(found_side("address", "agent").alias("side"), "sessions").cache()
    sessions = sided.select("side", f.explode("sessions.views").alias("views"))
    views = sessions.select("side", f.size("views").alias("size"), f.posexplode("views").alias("at", "path"))
    counted = [f.count("*").alias("views"), f.sum(f.when(f.col("at") < f.col("size") - 1, 1).otherwise(0)).alias("followed")]
    # Spark compares texts by their UTF-8 bytes.
    pages = views.groupBy("path").agg(*counted).orderBy(f.desc("views"), "path").limit(SHOWN).collect()
    sides = {name: {"visitors": 0, "views": 0, "followed": 0} for name in ("a", "b")}
    for row in sided.groupBy("side").agg(f.count("*").alias("visitors")).collect():
        sides[row.side]["visitors"] = row.visitors
    for row in views.groupBy("side").agg(*counted).collect():
        sides[row.side].update(views=row.views, followed=row.followed)
    shown = [{"path": row.path, "views": row.views, "followed": row.followed} for row in pages]
    return {"clickThrough": shown, "variants": compare(sides)}


if __name__ == "__main__":
    source, target = sys.argv[1:]
    session = SparkSession.builder.appName("clicks").getOrCreate()
    clicks = count_clicks(session, source)
    # Writes part-00000, then _SUCCESS.
    session.sparkContext.parallelize([json.dumps(clicks)], 1).saveAsTextFile(target)
    session.stop()
